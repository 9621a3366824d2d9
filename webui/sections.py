"""The settings in the parts that a shop thinks in, with the words for every key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from webui import figures, structures, words
from webui.client import Language, OfferKind
from webui.translate import lazy_gettext


@dataclass(frozen=True)
class Section:
    """One part of the settings.

    Attributes:
        name: In the address of its page.
        title: For people.
        path: Where it is in the file.
        kinds: Its structures by tag; one without a tag under "".
        tag: The key of the tag, where there are several structures.
        is_list: Whether there are many of them.
        own: Words for keys that mean something of their own here.
        about: What it is for, where its title does not say it.
    """

    name: str
    title: object
    path: tuple[str, ...]
    kinds: dict[str, type[msgspec.Struct]]
    tag: str = ""
    is_list: bool = False
    own: Mapping[str, object] = field(default_factory=dict)
    about: object = ""

    @property
    def keys(self) -> dict[str, object]:
        """The words for the keys of this part."""
        return {**KEYS, **self.own}

    def kind_of(self, table: dict[str, Any]) -> str:
        """The tag of a table in the file, or the first there is."""
        found = table.get(self.tag) if self.tag else ""
        return found if isinstance(found, str) and found in self.kinds else next(iter(self.kinds))


def _tagged(*structs: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    return {str(struct.__struct_config__.tag): struct for struct in structs}


def _many(
    name: str,
    title: object,
    path: tuple[str, ...],
    struct: type[msgspec.Struct],
    *,
    about: object = "",
    own: Mapping[str, object] | None = None,
) -> Section:
    """A part with as many tables of one structure as the shop wants."""
    return Section(name, title, path, {"": struct}, is_list=True, own=own or {}, about=about)


_ALL: Final = (
    Section("shop", lazy_gettext("Shop"), ("shop",), {"": structures.ShopSettings}),
    _many("hours", lazy_gettext("Opening hours"), ("shop", "hours"), structures.Hours),
    _many("buttons", lazy_gettext("Buttons"), ("buttons",), structures.Button),
    _many("staff", lazy_gettext("Staff and shifts"), ("staff",), structures.Staff),
    _many("pagers", lazy_gettext("Pagers"), ("pagers",), structures.Pager),
    Section(
        "transmitters",
        lazy_gettext("Transmitters"),
        ("transmitters",),
        _tagged(
            structures.Tap,
            structures.Mmdvm,
            structures.Template,
            structures.Ev1527,
            structures.Espa,
        ),
        tag="driver",
        is_list=True,
    ),
    Section("ladder", lazy_gettext("Escalation ladder"), ("ladder",), {"": structures.Ladder}),
    _many(
        "steps",
        lazy_gettext("Steps of the ladder, and their texts"),
        ("ladder", "steps"),
        structures.Step,
    ),
    Section(
        "rules",
        lazy_gettext("Rules over many presses"),
        ("rules",),
        _tagged(
            structures.UnhappyShare,
            structures.RedsInARow,
            structures.LowIndex,
            structures.Silence,
            structures.StandingFault,
        ),
        tag="kind",
        is_list=True,
    ),
    _many(
        "offers",
        lazy_gettext("Playbook"),
        ("offers",),
        structures.OfferSettings,
        about=lazy_gettext("Without any of its own the box has the usual playbook."),
    ),
    Section(
        "spending", lazy_gettext("Paying with tokens"), ("spending",), {"": structures.Spending}
    ),
    _many(
        "causes",
        lazy_gettext("Causes"),
        ("causes",),
        structures.Cause,
        about=lazy_gettext(
            "What can have gone wrong. Without any of its own the box has the usual ones."
        ),
    ),
    _many(
        "guidance",
        lazy_gettext("How to talk to the customer"),
        ("guidance",),
        structures.Guidance,
        own={
            "label": lazy_gettext("What to do, in a few words"),
            "text": lazy_gettext("How, in one or two sentences"),
        },
        about=lazy_gettext(
            "The steps on the recovery card. Without any of its own the box has the usual four: "
            "let them finish, reflect, sum up, offer."
        ),
    ),
    Section(
        "security",
        lazy_gettext("Calling security"),
        ("security",),
        {"": structures.Security},
        own={"to": lazy_gettext("Who is paged; none: nobody")},
    ),
    Section(
        "customers",
        lazy_gettext("What is kept of customers"),
        ("customers",),
        {"": structures.Customers},
    ),
    _many(
        "customer-kinds",
        lazy_gettext("How a customer is named"),
        ("customers", "kinds"),
        structures.CustomerKind,
        own={"account": lazy_gettext("Account, as in card:{0}; {0} is all of what was typed")},
        about=lazy_gettext("Cards, phones or codes that staff may type or scan at the counter."),
    ),
    Section("daily-test", lazy_gettext("Daily test"), ("daily_test",), {"": structures.DailyTest}),
    Section(
        "uplink",
        lazy_gettext("Central server"),
        ("uplink",),
        _tagged(structures.NoUplink, structures.AchivxUplink, structures.MqttUplink),
        tag="kind",
        own={"address": lazy_gettext("Address and port")},
    ),
    Section("inputs", lazy_gettext("How presses are judged"), ("inputs",), {"": structures.Inputs}),
    Section("journal", lazy_gettext("The journal"), ("journal",), {"": structures.Retention}),
    Section(
        "access", lazy_gettext("PINs and sessions"), ("access",), {"": structures.AccessSettings}
    ),
)
SECTIONS: Final = {section.name: section for section in _ALL}

TAGS: Final = {
    "tap": lazy_gettext("Paging terminal (TAP)"),
    "mmdvm": lazy_gettext("Modem hat (MMDVM_HS)"),
    "template": lazy_gettext("Equipment with a template"),
    "ev1527": lazy_gettext("Watches that learn a code"),
    "espa": lazy_gettext("Paging system with ESPA 4.4.4"),
    "unhappy_share": lazy_gettext("Too many unhappy ones"),
    "reds_in_a_row": lazy_gettext("Unhappy ones in a row"),
    "low_index": lazy_gettext("The happy index has fallen"),
    "silence": lazy_gettext("Nobody presses"),
    "fault": lazy_gettext("A fault that stands"),
    "none": lazy_gettext("None yet: everything is kept on the box"),
    "achivx": lazy_gettext("Our own ACHIVX server"),
    "mqtt": lazy_gettext("A broker for many shops"),
}

KEYS: Final = {
    "account": lazy_gettext("Account on the ACHIVX server"),
    "address": lazy_gettext("Address or number"),
    "admin_group": lazy_gettext("System group that may use the command line"),
    "after_s": lazy_gettext("After so many seconds"),
    "at": lazy_gettext("At what time"),
    "baud": lazy_gettext("Speed of the line, bit/s"),
    "below": lazy_gettext("When the index is below"),
    "bit_order": lazy_gettext("Which bit goes first"),
    "block_chars": lazy_gettext("Characters in a block"),
    "burst_s": lazy_gettext("Reds so many seconds apart are one alert"),
    "buzzer_pin": lazy_gettext("Pin of the buzzer"),
    "ca_file": lazy_gettext("File of the certificate authority"),
    "cause": lazy_gettext("The cause that it names"),
    "causes": lazy_gettext("The causes that it puts right; none: any"),
    "charset": lazy_gettext("Letters that the pager knows"),
    "chip": lazy_gettext("Number of the GPIO chip"),
    "client_certificate_file": lazy_gettext("File of our certificate"),
    "client_key_file": lazy_gettext("File of its key"),
    "close": lazy_gettext("Closes at"),
    "codes": lazy_gettext("Code for each kind of alert, as in red = A5C3E1"),
    "compensating_presses": lazy_gettext("So many greens after a red are suspect"),
    "compensating_window_s": lazy_gettext("Greens are suspect for so many seconds after a red"),
    "confirm_s": lazy_gettext("Seconds to confirm it"),
    "continued_blocks": lazy_gettext("Long texts as continued blocks"),
    "cooldown_s": lazy_gettext("Then still for so many seconds"),
    "cost": lazy_gettext("What it costs the shop"),
    "count": lazy_gettext("How many in a row"),
    "country": lazy_gettext("Calling code for phones typed without one, as in 7"),
    "days": lazy_gettext("Days"),
    "deadline_s": lazy_gettext("Longest wait for an answer, seconds"),
    "fault_led_pin": lazy_gettext("Pin of the fault LED"),
    "framing": lazy_gettext("Bits on the line"),
    "frequency_hz": lazy_gettext("Frequency, Hz: only what the law allows"),
    "fresh_s": lazy_gettext("An alert is missed after so many seconds"),
    "function": lazy_gettext("POCSAG function"),
    "glitch_ms": lazy_gettext("Shorter than so many ms is a spike on the wire"),
    "hardware": lazy_gettext("Equipment"),
    "holidays": lazy_gettext("Closed on, as in 01-01, 2027-05-09"),
    "host": lazy_gettext("Name or address of the broker"),
    "keep": lazy_gettext("What is kept of whose case it was"),
    "keep_days": lazy_gettext("Names and notes are deleted after so many days"),
    "keepalive_s": lazy_gettext("Sign of life every so many seconds"),
    "kind": lazy_gettext("Kind"),
    "label": lazy_gettext("What people read"),
    "language": lazy_gettext("Language"),
    "leaderboard": lazy_gettext("Agrees to be shown on leader boards"),
    "least": lazy_gettext("With at least so many presses"),
    "led_pin": lazy_gettext("Pin of its LED"),
    "level": lazy_gettext("Modulation level, 0 to 255"),
    "local_address": lazy_gettext("Our address, one digit"),
    "lockout_after": lazy_gettext("Wrong PINs before a lock-out"),
    "lockout_s": lazy_gettext("First lock-out, seconds"),
    "long_press_s": lazy_gettext("A long press begins at so many seconds"),
    "mashing_presses": lazy_gettext("So many presses are playing with the buttons"),
    "mashing_window_s": lazy_gettext("… within so many seconds"),
    "max_bytes": lazy_gettext("The journal grows to so many bytes at most"),
    "max_chars": lazy_gettext("Characters that one page can show"),
    "max_days": lazy_gettext("Records that the server has are kept for so many days"),
    "max_parts": lazy_gettext("Pages for a longer text"),
    "min_free_bytes": lazy_gettext("Bytes that are left free on the disk"),
    "name": lazy_gettext("Name"),
    "national_digits": lazy_gettext("Digits of a national number; none: as many as are typed"),
    "normally_closed": lazy_gettext("The contact opens when pressed"),
    "offline_tokens": lazy_gettext("Tokens that may be spent in all while the server is away"),
    "open": lazy_gettext("Opens at"),
    "outcome_s": lazy_gettext("A taken alert comes back after so many seconds"),
    "pager": lazy_gettext("Pager that they wear"),
    "pagers": lazy_gettext("Pagers that are tested; none: all"),
    "pages": lazy_gettext("Whether it pages, for a reason"),
    "pages_when_closed": lazy_gettext("Pages outside opening hours too"),
    "panel": lazy_gettext("Panel: what a customer sees together"),
    "panels": lazy_gettext("Panels; none: all"),
    "parts": lazy_gettext("Parts, as in transmitter/, button/exit; none: all"),
    "password_file": lazy_gettext("File with the password"),
    "pattern": lazy_gettext("What fits wholly, as in 29[0-9]{11} for 29 and eleven digits"),
    "per_customer_days": lazy_gettext("So many to one customer – in so many days"),
    "per_shop_day": lazy_gettext("By the whole shop on one day, at most"),
    "per_shop_days": lazy_gettext("So many by the whole shop – in so many days"),
    "per_staff_day": lazy_gettext("By one person on one day, at most"),
    "per_staff_days": lazy_gettext("So many by one person – in so many days"),
    "phone": lazy_gettext("It is a phone: brought to the form +79161234567 first"),
    "pin": lazy_gettext("Pin (BCM number)"),
    "plaintext": lazy_gettext("Without encryption"),
    "poll_ms": lazy_gettext("Polls every so many ms"),
    "port": lazy_gettext("Port"),
    "power": lazy_gettext("Power, 0 to 255: only what the law allows"),
    "pull": lazy_gettext("Resistor of the input"),
    "rate": lazy_gettext("POCSAG rate, bit/s"),
    "remote_address": lazy_gettext("Address of the paging system, one digit"),
    "repeat_s": lazy_gettext("Last step again every so many seconds"),
    "repeats": lazy_gettext("How often the code is sent"),
    "reread_s": lazy_gettext("Levels are read again every so many seconds"),
    "response_interval_s": lazy_gettext("The same button within so many seconds is one press"),
    "role": lazy_gettext("Role"),
    "rtscts": lazy_gettext("Hardware flow control"),
    "session_hours": lazy_gettext("Hours that people stay signed in"),
    "severity": lazy_gettext("Severity from – to"),
    "share": lazy_gettext("Share of unhappy ones, 0.5 is half"),
    "shifts": lazy_gettext("Shifts, a line each, as in mon tue 09:00–18:00; none: always"),
    "simulated": lazy_gettext("Simulated: never in a real shop"),
    "status_s": lazy_gettext("Asked for so many seconds what became of a call"),
    "stock": lazy_gettext("How many there are to promise, all told"),
    "stuck_s": lazy_gettext("Held for so many seconds it is stuck"),
    "supervise_s": lazy_gettext("Asked whether it is alive every so many seconds"),
    "template": lazy_gettext("Template"),
    "text": lazy_gettext("Text of the page, with {zone}, {button}, {time}, {age}"),
    "timezone": lazy_gettext("Time zone"),
    "to": lazy_gettext("Who is paged"),
    "token_file": lazy_gettext("File with the server's token"),
    "tokens": lazy_gettext("Tokens, in steps of 0.25"),
    "transmit_delay_ms": lazy_gettext("Delay before sending, ms"),
    "transmitter": lazy_gettext("Transmitter; none: any"),
    "trunk": lazy_gettext("Dialled before a national number, as in 8"),
    "unit_us": lazy_gettext("Length of a pulse, µs"),
    "username": lazy_gettext("User name"),
    "valid_days": lazy_gettext("Good for so many days"),
    "value": lazy_gettext("What it is worth to the customer"),
    "window_s": lazy_gettext("Within so many seconds"),
    "words": lazy_gettext("What else whoever calls is told to do"),
    "xonxoff": lazy_gettext("Software flow control"),
    "zone": lazy_gettext("Zone"),
    "zones": lazy_gettext("Zones; none: all"),
}

CHOICES: Final = {
    "yes": lazy_gettext("yes"),
    "no": lazy_gettext("no"),
    **{kind.value: name for kind, name in words.KINDS.items()},
    **{role.value: name for role, name in words.ROLES.items()},
    Language.RU.value: "русский",
    Language.EN.value: "English",
    OfferKind.APOLOGY.value: lazy_gettext("Apology"),
    OfferKind.SOUVENIR.value: lazy_gettext("Souvenir"),
    OfferKind.COUPON.value: lazy_gettext("Coupon"),
    OfferKind.REDO.value: lazy_gettext("Done again"),
    OfferKind.EXCHANGE.value: lazy_gettext("Exchange"),
    OfferKind.REFUND.value: lazy_gettext("Refund"),
    OfferKind.TOKENS.value: lazy_gettext("Tokens"),
    "mon": lazy_gettext("Monday"),
    "tue": lazy_gettext("Tuesday"),
    "wed": lazy_gettext("Wednesday"),
    "thu": lazy_gettext("Thursday"),
    "fri": lazy_gettext("Friday"),
    "sat": lazy_gettext("Saturday"),
    "sun": lazy_gettext("Sunday"),
    "zone": lazy_gettext("whoever is on duty in the zone"),
    "managers": lazy_gettext("the managers"),
    "everyone": lazy_gettext("everyone"),
    "hash": lazy_gettext("a fingerprint alone"),
    "plain": lazy_gettext("the account itself"),
    "up": lazy_gettext("to plus"),
    "down": lazy_gettext("to ground"),
    "none": lazy_gettext("none inside: there is one on the wire"),
    "msb": lazy_gettext("the highest"),
    "lsb": lazy_gettext("the lowest"),
    "rfxtrx433": "RFXtrx433",
    "sonoff-efm8": lazy_gettext("Sonoff RF bridge"),
    "never": lazy_gettext("never"),
    "loopback": lazy_gettext("within this machine alone"),
    "i-accept-that-the-token-is-readable": lazy_gettext(
        "yes: I accept that others can read the token"
    ),
    "i-accept-that-all-is-readable": lazy_gettext("yes: I accept that others can read everything"),
    "latin": lazy_gettext("Latin"),
    "numeric": lazy_gettext("digits alone"),
    "motorola_cyrillic_koi7": lazy_gettext("Motorola, Cyrillic (KOI-7)"),
    "motorola_linguist": "Motorola Linguist",
    "philips_prg": "Philips PRG",
}
"""The values that settings can have, where they are words."""


def choice(value: str) -> str:
    """One of the values that a setting can have; of `staff:NAME` the name."""
    name = value.removeprefix("staff:")
    return words.word(CHOICES, value) if name == value else name


def heading(table: Mapping[str, Any], language: str) -> str:
    """What one of many is called in their list: its name, its days, or whom it pages."""
    if name := table.get("name"):
        return str(name)
    if days := table.get("days"):
        return ", ".join(words.word(figures.WEEKDAYS, day) for day in days)
    if targets := table.get("to"):
        return ", ".join(map(choice, targets))
    return str(table.get("label", {}).get(language, ""))
