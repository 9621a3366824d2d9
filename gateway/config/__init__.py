"""gateway.toml as frozen structures: every key, its type, its default and its meaning.

`check.py` reads a file into these and says everything that is wrong with it; `settings.py`
is the only writer. The kinds of `[[rules]]` are in `alert_rules.py`, the drivers' keys in
`transmitters.py`. Durations end in `_s` or `_ms`, amounts are whole units of the shop's currency
or quarters of a token. Secrets are never in here: a key that ends in `_file` names where one is.
"""

from pathlib import Path
from typing import ClassVar, Final

import msgspec

from gateway.config.alert_rules import Pattern
from gateway.config.table import Table
from gateway.config.transmitters import Transmitter
from gateway.model import ButtonKind, Label, Language, OfferKind, Role

DEFAULT_CONFIG: Final = "/etc/achivx-gateway/gateway.toml"


class Device(Table, frozen=True):
    """`[device]`: who this box is. The id never changes; the epoch is the journal's own."""

    id: str


class Hours(Table, frozen=True):
    """`[[shop.hours]]`: one opening span. `days` are mon … sun; times are `HH:MM`, local."""

    days: tuple[str, ...]
    open: str
    close: str


class Shop(Table, frozen=True):
    """`[shop]`: the shop itself. `account` is its own account on the ACHIVX server."""

    name: str
    account: str
    timezone: str = "UTC"
    language: Language = Language.EN
    hours: tuple[Hours, ...] = ()  # none: always open
    holidays: tuple[str, ...] = ()  # closed all day: `2027-01-01`, or `01-01` for every year


class Paths(Table, frozen=True):
    """`[paths]`: where the daemon keeps its data and its control socket."""

    state: str = "/var/lib/achivx-gateway"
    control_socket: str = "/run/achivx-gateway/control.sock"

    @property
    def journal(self) -> Path:
        """The journal's database file."""
        return Path(self.state) / "journal.db"


class Retention(Table, frozen=True):
    """`[journal]`: how much the journal keeps. What is not on the server yet stays up to the bound.

    Live grants, open alerts and counters stay whatever is set here.
    """

    max_bytes: int = 1 << 30
    max_days: int = 400  # records that are on the server are kept so long
    min_free_bytes: int = 64 << 20  # left free on the disk for everything else


class Inputs(Table, frozen=True):
    """`[inputs]`: how the buttons are read and which presses count."""

    simulated: bool = False  # fake pins and the `press` command; never in a real shop
    chip: int | None = None  # gpiochip number; None lets gpiozero find the header
    glitch_ms: int = 5
    response_interval_s: float = 5.0
    stuck_s: float = 10.0
    long_press_s: float = 1.0
    mashing_presses: int = 6  # this many on one panel …
    mashing_window_s: float = 3.0  # … in this time are mashing
    compensating_window_s: float = 20.0  # greens this soon after a red on one panel are suspect …
    compensating_presses: int = 3  # … from this many on
    reread_s: float = 5.0  # how often levels are compared with the edges seen
    fault_led_pin: int | None = None
    buzzer_pin: int | None = None


class Button(Table, frozen=True):
    """`[[buttons]]`: one wired button. `pin` is the BCM number."""

    name: str
    pin: int
    kind: ButtonKind
    label: Label
    zone: str = "main"
    panel: str = "main"  # buttons that one customer sees together
    normally_closed: bool = False
    pull: str = "up"  # up · down · none (an outside resistor); active is the other level
    led_pin: int | None = None
    pages: bool | None = None  # a reason pages only when this is true
    pages_when_closed: bool = False
    cause: str | None = None  # for kind reason: the cause it names


class Pager(Table, frozen=True):
    """`[[pagers]]`: one wrist pager and what it can show."""

    name: str
    address: str  # pager id, capcode/RIC, ESPA address or 6-digit hex code
    transmitter: str | None = None  # None: any, in the order of the file
    function: int | None = None  # POCSAG, 0–3; None: by convention 0 for numeric, 3 for others
    rate: int = 1200  # POCSAG, bit/s
    charset: str = "latin"  # latin (transliterated) · numeric · a table of paging/charsets.py
    max_chars: int = 80
    max_parts: int = 2
    language: Language | None = None  # None: the shop's
    codes: dict[str, str] = msgspec.field(default_factory=dict)  # EV1527: alert kind → 6 hex digits

    @property
    def pocsag_function(self) -> int:
        """The function that it is called with."""
        if self.function is not None:
            return self.function
        return 0 if self.charset == "numeric" else 3


class Shift(Table, frozen=True):
    """`[[staff.shifts]]`: when this person is on duty. No shift at all: always."""

    days: tuple[str, ...]
    start: str
    end: str


class Staff(Table, frozen=True):
    """`[[staff]]`: a person who answers alerts. PINs are set by command or page, never here."""

    name: str
    role: Role = Role.STAFF
    pager: str | None = None
    zones: tuple[str, ...] = ()  # none: every zone
    account: str | None = None  # the person's own account on ACHIVX: the game for staff
    shifts: tuple[Shift, ...] = ()
    leaderboard: bool = False  # agrees to be shown on leader boards


class Step(Table, frozen=True):
    """`[[ladder.steps]]`: who is paged how long after the press.

    `to` holds `zone` (whoever is on duty for it), `managers`, `everyone`, or `staff:NAME`.
    `text` is a template of paging/text.py, per language; None takes the shipped one.
    """

    after_s: float
    to: tuple[str, ...]
    text: Label | None = None


DEFAULT_STEPS: Final = (
    Step(after_s=0, to=("zone",)),
    Step(after_s=40, to=("zone",)),
    Step(after_s=80, to=("zone", "managers")),
    Step(after_s=120, to=("everyone",)),
)


class Ladder(Table, frozen=True):
    """`[ladder]`: how an alert climbs until someone takes it."""

    steps: tuple[Step, ...] = DEFAULT_STEPS
    repeat_s: float = 40.0  # after the last step, that step again this often
    fresh_s: float = 600.0  # then the alert is missed
    burst_s: float = 30.0  # reds at one point this close together are one incident
    outcome_s: float = 900.0  # a taken alert with no outcome by then comes back


class DailyTest(Table, frozen=True):
    """`[daily_test]`: a page a day that somebody must confirm, or the pager counts as broken."""

    at: str  # HH:MM, local
    pagers: tuple[str, ...] = ()  # none: every pager that somebody carries
    confirm_s: float = 900.0  # until then it is to be confirmed


class AchivxUplink(Table, frozen=True, tag_field="kind", tag="achivx"):
    """`[uplink] kind = "achivx"`: gRPC straight to a shop's own ACHIVX server."""

    address: str  # host:port
    token_file: str
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    plaintext: str = "never"  # never · loopback · i-accept-that-the-token-is-readable
    deadline_s: float = 150.0


class MqttUplink(Table, frozen=True, tag_field="kind", tag="mqtt"):
    """`[uplink] kind = "mqtt"`: through a broker to a bridge, which holds the server's token."""

    host: str
    port: int = 8883
    ca_file: str | None = None
    client_certificate_file: str | None = None
    client_key_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    plaintext: str = "never"  # never · loopback · i-accept-that-all-is-readable
    keepalive_s: int = 30


class NoUplink(Table, frozen=True, tag_field="kind", tag="none"):
    """`[uplink] kind = "none"`: everything is kept on the box until a server is set."""


Uplink = AchivxUplink | MqttUplink | NoUplink


class Offer(Table, frozen=True):
    """`[[offers]]`: one remedy of the playbook. Empty in the file means the starter playbook."""

    name: str
    kind: OfferKind
    label: Label
    severity: tuple[int, int] = (1, 5)  # from, to
    role: Role = Role.STAFF  # who may grant it
    valid_days: int = 30  # until the grant expires
    cost: float = 0.0  # what it costs the shop
    tokens: float = 0.0  # for kind tokens: a multiple of 1/4 credited on ACHIVX
    value: float = 0.0  # what it is worth to the customer
    causes: tuple[str, ...] = ()  # what it puts right; none: anything
    per_staff_day: int | None = None  # promised by one person on one day, at most
    per_staff_days: tuple[int, int] | None = None  # so many by one person in so many days
    per_shop_day: int | None = None  # promised by the whole shop on one day, at most
    per_shop_days: tuple[int, int] | None = None  # so many by the whole shop in so many days
    per_customer_days: tuple[int, int] | None = None  # so many to one account in so many days
    stock: int | None = None  # how many there have been to promise since the box began to count


class Spending(Table, frozen=True):
    """`[spending]`: paying with tokens at the counter."""

    # in all, while the server does not answer and does not know of them yet
    offline_tokens: float = 100.0


class Cause(Table, frozen=True):
    """`[[causes]]`: what can have gone wrong. Empty in the file means the shipped ones."""

    name: str
    label: Label


class Guidance(Table, frozen=True):
    """`[[guidance]]`: one step of the conversation. Empty in the file means the shipped four."""

    label: Label
    text: Label


class Security(Table, frozen=True):
    """`[security]`: who is paged when somebody makes trouble on purpose; `to` as in `Step`."""

    to: tuple[str, ...] = ()
    text: Label | None = None  # a template of paging/text.py; None takes the shipped one
    words: Label | None = None  # what else to do; None takes the shipped words


class CustomerKind(Table, frozen=True):
    """`[[customers.kinds]]`: what a customer may be named by, and whose account that is.

    `pattern` is a regular expression for the whole of it; `account` a template of it, with `{0}`
    for all that was typed and `{1}` … for the groups.
    """

    name: str
    pattern: str
    account: str
    phone: bool = False  # brought to the international form, +79161234567, before it is matched


class Customers(Table, frozen=True):
    """`[customers]`: how customers are named, and what is kept of that."""

    kinds: tuple[CustomerKind, ...] = ()
    keep: str = "hash"  # hash · plain: who a case's customer is, as a keyed hash or to be read
    keep_days: int = 90  # then names and notes are deleted
    country: str | None = None  # the calling code of a phone that is typed without one
    trunk: str = ""  # what is dialled before a national number, and is no part of it
    national_digits: int | None = None  # how many a national number has; None: as many as typed


class Access(Table, frozen=True):
    """`[access]`: PINs, lock-outs and sessions."""

    lockout_after: int = 5  # wrong PINs in a row
    lockout_s: float = 30.0  # doubled with each further one, at most an hour
    session_hours: float = 12.0
    admin_group: str = "achivx-admin"  # its members may use the command line


class Config(Table, frozen=True):
    """The whole file."""

    FILE: ClassVar[str] = "gateway.toml"

    device: Device
    shop: Shop
    paths: Paths = Paths()
    journal: Retention = Retention()
    inputs: Inputs = Inputs()
    buttons: tuple[Button, ...] = ()
    pagers: tuple[Pager, ...] = ()
    staff: tuple[Staff, ...] = ()
    ladder: Ladder = Ladder()
    rules: tuple[Pattern, ...] = ()
    daily_test: DailyTest | None = None
    transmitters: tuple[Transmitter, ...] = ()
    uplink: Uplink = NoUplink()
    offers: tuple[Offer, ...] = ()
    spending: Spending = Spending()
    causes: tuple[Cause, ...] = ()
    guidance: tuple[Guidance, ...] = ()
    security: Security = Security()
    customers: Customers = Customers()
    access: Access = Access()
