"""What single values of gateway.toml may be: ranges, words and forms, key by key.

Only what can be judged by looking at one value stands here; what depends on other tables is in
`rules.py`.
"""

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import PurePosixPath
from typing import Final

from gateway.config import (
    Access,
    AchivxUplink,
    Button,
    Cause,
    CustomerKind,
    Customers,
    DailyTest,
    Device,
    Hours,
    Inputs,
    Ladder,
    MqttUplink,
    Offer,
    Pager,
    Paths,
    Retention,
    Security,
    Shift,
    Shop,
    Spending,
    Staff,
    Step,
)
from gateway.config.alert_rules import LowIndex, RedsInARow, Silence, StandingFault, UnhappyShare
from gateway.config.decode import Rule, Rules, did_you_mean, one_of
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template
from gateway.model import Label
from gateway.paging import charsets
from gateway.paging.drivers import ev1527, mmdvm
from gateway.paging.drivers.template_file import shipped_templates
from gateway.paging.text import NUMERIC_CODES, template_problems

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BAUDS: Final = (
    *(300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200),
    *(230400, 460800, 500000, 921600, 1000000),
)
_SUN_PATH_BYTES: Final = 107  # unix(7): sun_path holds 108 with its closing zero
_YEAR_OF_ALL_DAYS: Final = 2000  # a leap year: 02-29 is a day of it


def number(low: float, high: float, unit: str = "") -> Rule:
    """A number from `low` to `high`; `nan` is in no range."""
    words = f"a number from {low:g} to {high:g}{' ' + unit if unit else ''}"
    return lambda value: None if low <= value <= high else words


@dataclass(frozen=True)
class Choice:
    """One of a few values; `right` says which where a list of words would not do."""

    values: tuple[str | int, ...]
    right: str = ""

    def __call__(self, value: str | int) -> str | None:
        """What would be right; None if `value` is one of them."""
        if value in self.values:
            return None
        words = tuple(map(str, self.values))
        return self.right or one_of(words) + did_you_mean(str(value), words)


def choice(*words: str) -> Choice:
    """One of a few words."""
    return Choice(words)


def form(pattern: str, words: str) -> Rule:
    """A text of one form."""
    compiled = re.compile(pattern)
    return lambda value: None if compiled.fullmatch(value) else words


@dataclass(frozen=True)
class Each:
    """A list of `least` or more items that each satisfy `rule`, with no item twice."""

    rule: Rule
    least: int = 0

    def __call__(self, value: Sequence[str]) -> str | None:
        """What would be right; None if `value` is so."""
        if len(value) < self.least:
            return f"at least {self.least}"
        for item in value:
            if wrong := self.rule(item):
                return f'{wrong}, each of them: "{item}" is not'
        return None if len(set(value)) == len(value) else "each of them once"


def is_ascii_text(value: str) -> bool:
    """Whether every character is a visible one of 7-bit ASCII or a space."""
    return value.isascii() and value.isprintable()


def _plain(most: int) -> Rule:
    words = f"1 to {most} visible characters, no space at the ends"

    def judge(value: str) -> str | None:
        fine = 0 < len(value) <= most and value.isprintable() and value == value.strip()
        return None if fine else words

    return judge


def _absolute(value: str) -> str | None:
    fine = PurePosixPath(value).is_absolute() and value.isprintable()
    return None if fine else "an absolute path, e.g. /etc/achivx-gateway/…"


def _socket_path(value: str) -> str | None:
    if len(value.encode()) > _SUN_PATH_BYTES:
        return f"a path of at most {_SUN_PATH_BYTES} bytes"
    return _absolute(value)


def _port(value: str) -> str | None:
    fine = (_absolute(value) is None or "://" in value) and value.isprintable()
    return None if fine else "a device, e.g. /dev/serial/by-id/…, or socket://host:port"


def _holiday(value: str) -> str | None:
    text = f"{_YEAR_OF_ALL_DAYS}-{value}" if re.fullmatch(r"\d\d-\d\d", value) else value
    try:
        fine = bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and date.fromisoformat(text)
    except ValueError:
        fine = False
    return None if fine else 'a day that exists: "2027-01-01", or "01-01" for every year'


def _timezone(value: str) -> str | None:
    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown, not a relative path, a directory
        near = did_you_mean(value, zoneinfo.available_timezones())
        return f'a time zone of the IANA list, e.g. "Europe/Moscow"{near}'
    return None


def _in_days(most: int) -> Rule:
    words = f"how many (1 to {most}) in how many days (1 to 366)"
    return lambda value: None if 1 <= value[0] <= most and 1 <= value[1] <= 366 else words


_n_in_days: Final = _in_days(1000)
_shop_in_days: Final = _in_days(100_000)


def _severity(value: tuple[int, int]) -> str | None:
    low, high = value
    return None if 1 <= low <= high <= 5 else "two numbers from 1 to 5, the lower first"


_SLUG: Final = form(
    r"[a-z0-9][a-z0-9_-]{0,39}",
    "1 to 40 of a-z, 0-9, - and _, beginning with a letter or digit",
)
_NAME: Final = _plain(40)
_PIN: Final = number(0, 27, "(the BCM number)")
_BAUD: Final = Choice(BAUDS, "one of " + ", ".join(map(str, BAUDS)))
_RATE: Final = Choice((512, 1200, 2400), "512, 1200 or 2400")
_FRAMING: Final = Choice(
    tuple(map("".join, product("78", "NEO", "12"))),
    'data bits 7 or 8, parity N, E or O, stop bits 1 or 2, e.g. "8N1"',
)
_TIME: Final = form(r"([01]\d|2[0-3]):[0-5]\d", "a time from 00:00 to 23:59, two digits each")
_WEEK: Final = Each(choice(*DAYS), least=1)
_SUPERVISE: Final = number(5, 86400, "seconds")
_LABEL: Final = _plain(160)
HEX_CODE: Final = form(r"[0-9A-Fa-f]{6}", '6 hexadecimal digits, e.g. "A5C3E4"')


def _codes(value: dict[str, str]) -> str | None:
    for kind, code in value.items():
        if wrong := choice(*NUMERIC_CODES)(kind):
            return f'alert kinds, {wrong}: "{kind}" is not'
        if wrong := HEX_CODE(code):
            return f"for {kind} {wrong}"
    return None


def names_a_file(template: str) -> bool:
    """Whether the `template` of a transmitter is a path and not a shipped name."""
    return "/" in template or template.endswith(".toml")


def _template(value: str) -> str | None:
    if names_a_file(value):
        return _absolute(value)
    wrong = choice(*shipped_templates())(value)
    return f"an absolute path or {wrong}" if wrong else None


def _template_text(value: Label) -> str | None:
    """See `gateway.paging.text`: braces and the five names."""
    problems = (*template_problems(value.ru), *template_problems(value.en))
    return f"a template without this: {problems[0]}" if problems else None


def _expression(value: str) -> str | None:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"a regular expression: {error}"
    return None if 0 < len(value) <= 200 else "1 to 200 characters"


def _frequency(value: int) -> str | None:
    wrong = mmdvm.frequency_problem(value)
    return f"a frequency in Hz that the hat takes: {wrong}" if wrong else None


TARGETS: Final = ("zone", "managers", "everyone")


def _target(value: str) -> str | None:
    if value in TARGETS or value.startswith("staff:"):
        return None
    return '"zone", "managers", "everyone" or "staff:NAME"'


_OVER_PRESSES: Final = (UnhappyShare, RedsInARow, LowIndex)
_PATTERNS: Final = (*_OVER_PRESSES, Silence, StandingFault)
_PRESSES: Final = number(1, 1000)

RULES: Final[Rules] = {
    (Device, "id"): form(r"[a-z0-9-]{1,40}", "1 to 40 of a-z, 0-9 and -"),
    (Shop, "name"): _plain(80),
    (Shop, "account"): _plain(200),
    (Shop, "timezone"): _timezone,
    (Shop, "holidays"): Each(_holiday),
    (Hours, "days"): _WEEK,
    (Hours, "open"): _TIME,
    (Hours, "close"): _TIME,
    (Paths, "state"): _absolute,
    (Paths, "control_socket"): _socket_path,
    (Retention, "max_bytes"): number(1 << 20, 1 << 40, "bytes"),
    (Retention, "max_days"): number(1, 3650, "days"),
    (Retention, "min_free_bytes"): number(0, 1 << 40, "bytes"),
    (Inputs, "chip"): number(0, 15),
    (Inputs, "glitch_ms"): number(0, 200, "ms"),
    (Inputs, "response_interval_s"): number(0, 600, "seconds"),
    (Inputs, "stuck_s"): number(2, 600, "seconds"),
    (Inputs, "long_press_s"): number(0.3, 10, "seconds"),
    (Inputs, "mashing_presses"): number(2, 100),
    (Inputs, "mashing_window_s"): number(0.5, 60, "seconds"),
    (Inputs, "compensating_window_s"): number(0, 600, "seconds"),
    (Inputs, "compensating_presses"): number(1, 100),
    (Inputs, "reread_s"): number(0.5, 300, "seconds"),
    (Inputs, "fault_led_pin"): _PIN,
    (Inputs, "buzzer_pin"): _PIN,
    (Button, "name"): _SLUG,
    (Button, "pin"): _PIN,
    (Button, "zone"): _NAME,
    (Button, "panel"): _NAME,
    (Button, "pull"): choice("up", "down", "none"),
    (Button, "led_pin"): _PIN,
    (Button, "cause"): _NAME,
    (Label, "ru"): _LABEL,
    (Label, "en"): _LABEL,
    (Pager, "name"): _SLUG,
    (Pager, "address"): _plain(100),
    (Pager, "function"): Choice((0, 1, 2, 3), "a number from 0 to 3"),
    (Pager, "rate"): _RATE,
    (Pager, "charset"): choice(*charsets.names()),
    (Pager, "max_chars"): number(8, 240, "characters"),
    (Pager, "max_parts"): number(1, 9),
    (Pager, "codes"): _codes,
    (Staff, "name"): _NAME,
    (Staff, "zones"): Each(_NAME),
    (Staff, "account"): _plain(200),
    (Shift, "days"): _WEEK,
    (Shift, "start"): _TIME,
    (Shift, "end"): _TIME,
    (Step, "after_s"): number(0, 3600, "seconds"),
    (Step, "to"): Each(_target, least=1),
    (Step, "text"): _template_text,
    (Ladder, "repeat_s"): number(5, 3600, "seconds"),
    (Ladder, "fresh_s"): number(30, 86400, "seconds"),
    (Ladder, "burst_s"): number(0, 3600, "seconds"),
    (Ladder, "outcome_s"): number(30, 86400, "seconds"),
    **{(kind, "name"): _SLUG for kind in _PATTERNS},
    **{(kind, "to"): Each(_target) for kind in _PATTERNS},
    **{(kind, "cooldown_s"): number(60, 604800, "seconds") for kind in _PATTERNS},
    **{(kind, "zones"): Each(_NAME) for kind in (*_OVER_PRESSES, Silence)},
    **{(kind, "panels"): Each(_NAME) for kind in (*_OVER_PRESSES, Silence)},
    **{(kind, "window_s"): number(10, 86400, "seconds") for kind in _OVER_PRESSES},
    (UnhappyShare, "share"): number(0.01, 1),
    (UnhappyShare, "least"): _PRESSES,
    (RedsInARow, "count"): number(2, 1000),
    (LowIndex, "below"): number(1, 100),
    (LowIndex, "least"): _PRESSES,
    (Silence, "after_s"): number(600, 86400, "seconds"),
    (StandingFault, "after_s"): number(0, 86400, "seconds"),
    (StandingFault, "parts"): Each(_plain(80)),
    (StandingFault, "zone"): _NAME,
    (DailyTest, "at"): _TIME,
    (DailyTest, "pagers"): Each(_SLUG),
    (DailyTest, "confirm_s"): number(60, 7200, "seconds"),
    **{(kind, "name"): _SLUG for kind in (Tap, Mmdvm, Template, Ev1527, Espa)},
    **{(kind, "port"): _port for kind in (Tap, Mmdvm, Template, Ev1527, Espa)},
    **{(kind, "supervise_s"): _SUPERVISE for kind in (Tap, Mmdvm, Template, Ev1527, Espa)},
    **{(kind, "baud"): _BAUD for kind in (Tap, Mmdvm, Template, Espa)},
    **{(kind, "framing"): _FRAMING for kind in (Tap, Template, Espa)},
    (Template, "template"): _template,
    (Tap, "password_file"): _absolute,
    (Tap, "block_chars"): number(40, 250, "characters"),
    (Mmdvm, "frequency_hz"): _frequency,
    (Mmdvm, "power"): number(0, 255),
    (Mmdvm, "level"): number(0, 255),
    (Mmdvm, "transmit_delay_ms"): number(0, mmdvm.MAX_DELAY_MS, "ms"),
    (Ev1527, "hardware"): choice("rfxtrx433", "sonoff-efm8"),
    (Ev1527, "unit_us"): number(ev1527.UNIT_US[0], ev1527.UNIT_US[-1], "µs"),
    (Ev1527, "repeats"): number(1, ev1527.MAX_REPEATS),
    (Ev1527, "bit_order"): choice("msb", "lsb"),
    (Espa, "local_address"): form(r"[0-9]", "one digit"),
    (Espa, "remote_address"): form(r"[0-9]", "one digit"),
    (Espa, "poll_ms"): number(50, 10000, "ms"),
    (Espa, "status_s"): number(0, 60, "seconds"),
    (AchivxUplink, "address"): form(
        r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", 'host:port, e.g. "achivx.shop.lan:50051"'
    ),
    (AchivxUplink, "token_file"): _absolute,
    (AchivxUplink, "ca_file"): _absolute,
    (AchivxUplink, "client_certificate_file"): _absolute,
    (AchivxUplink, "client_key_file"): _absolute,
    (AchivxUplink, "plaintext"): choice("never", "loopback", "i-accept-that-the-token-is-readable"),
    (AchivxUplink, "deadline_s"): number(30, 3600, "seconds"),
    (MqttUplink, "host"): form(
        r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+",
        'a name or address without a port, e.g. "mqtt.example.org"',
    ),
    (MqttUplink, "port"): number(1, 65535),
    (MqttUplink, "ca_file"): _absolute,
    (MqttUplink, "client_certificate_file"): _absolute,
    (MqttUplink, "client_key_file"): _absolute,
    (MqttUplink, "username"): _plain(128),
    (MqttUplink, "password_file"): _absolute,
    (MqttUplink, "plaintext"): choice("never", "loopback", "i-accept-that-all-is-readable"),
    (MqttUplink, "keepalive_s"): number(5, 3600, "seconds"),
    (Offer, "name"): _SLUG,
    (Offer, "severity"): _severity,
    (Offer, "valid_days"): number(1, 3650, "days"),
    (Offer, "cost"): number(0, 1e9),
    (Offer, "value"): number(0, 1e9),
    (Offer, "causes"): Each(_SLUG),
    (Offer, "per_staff_day"): number(1, 1000),
    (Offer, "per_shop_day"): number(1, 100000),
    (Offer, "per_customer_days"): _n_in_days,
    (Offer, "per_staff_days"): _n_in_days,
    (Offer, "per_shop_days"): _shop_in_days,
    (Spending, "offline_tokens"): number(0, 1e6, "tokens"),
    (Offer, "stock"): number(0, 10**9),
    (Cause, "name"): _SLUG,
    (Security, "to"): Each(_target),
    (Security, "text"): _template_text,
    (CustomerKind, "name"): _SLUG,
    (CustomerKind, "pattern"): _expression,
    (CustomerKind, "account"): _plain(200),
    (Customers, "keep"): choice("hash", "plain"),
    (Customers, "keep_days"): number(1, 3650, "days"),
    (Customers, "country"): form(r"[1-9][0-9]{0,2}", 'a calling code without the +, e.g. "7"'),
    (Customers, "trunk"): form(r"[0-9]{0,3}", 'at most 3 digits, e.g. "8"'),
    (Customers, "national_digits"): number(4, 14, "digits"),
    (Access, "lockout_after"): number(1, 20),
    (Access, "lockout_s"): number(1, 3600, "seconds"),
    (Access, "session_hours"): number(0.25, 168, "hours"),
    (Access, "admin_group"): form(r"[a-z_][a-z0-9_-]{0,31}", "the name of a group of this system"),
}


def choices(table: type, key: str) -> tuple[str, ...]:
    """Everything that a value, or an item of a list, may be; empty where that is no short list."""
    rule = RULES.get((table, key))
    rule = rule.rule if isinstance(rule, Each) else rule
    return tuple(map(str, rule.values)) if isinstance(rule, Choice) else ()
