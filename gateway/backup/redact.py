"""What support may see: an allow-list for structures, and masks for free words. Pure.

What is not known to be harmless is left out: a field that somebody adds tomorrow is not in a
bundle before it is named here.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from gateway.events import Record

MASK: Final = "***"

_EVENT_FIELDS: Final = frozenset({
    "type", "button", "kind", "zone", "flag", "count", "total", "alert", "cause", "level", "quiet",
    "rule", "part", "page", "pager", "state", "transmitter", "via", "outcome", "severity",
    "after_s", "version", "keys", "first", "last", "off_ns", "deed", "epoch", "unsent",
})  # fmt: skip
_SETTINGS_MASKED: Final = frozenset({
    "account", "address", "codes", "username", "host",
    "token_file", "password_file", "client_key_file",
})  # fmt: skip
_SETTINGS_PEOPLE: Final = "staff"
_PERSON_FIELDS: Final = frozenset({"role", "pager", "zones", "shifts"})

_PATTERNS: Final = (
    re.compile(r"\$argon2\S+"),
    re.compile(
        r"\b[0-9A-Za-z]{4}-[0-9A-Za-z]{4}(?:-[0-9A-Za-z]{4})?\b"
    ),  # codes as people see them
    re.compile(r"-----BEGIN[^-]*-----.*?(?:-----END[^-]*-----|\Z)", re.DOTALL),
    re.compile(r"\+?\d[\d ()\-]{8,}\d"),  # telephones and cards
    re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w\-]{24,}\b"),  # tokens and keys
    re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"),  # mail addresses
)
_SHORTEST: Final = 4  # a shorter secret would mask every second word


def settings(tables: dict[str, Any]) -> dict[str, Any]:
    """The settings without accounts, addresses, secrets' places and people's names."""
    return {
        key: [
            {name: value for name, value in person.items() if name in _PERSON_FIELDS}
            for person in inner
        ]
        if key == _SETTINGS_PEOPLE
        else _masked(key, inner)
        for key, inner in tables.items()
    }


def _masked(key: str, value: Any) -> Any:
    if key in _SETTINGS_MASKED:
        return MASK
    if isinstance(value, dict):
        return {name: _masked(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked("", inner) for inner in value]
    if isinstance(value, str) and value.startswith("staff:"):
        return f"staff:{MASK}"
    return value


def event(record: Record) -> dict[str, Any]:
    """A record with nothing but what is known to be harmless."""
    fields = msgspec.to_builtins(record.event)
    return {
        "seq": record.seq,
        "at": record.at.iso(),
        "synced": record.at.synced,
        **{key: value for key, value in fields.items() if key in _EVENT_FIELDS},
    }


def secrets_in(tables: dict[str, Any]) -> set[str]:
    """The very values of the settings that `settings` leaves out, to be masked everywhere else."""
    found: set[str] = set()
    for person in tables.get(_SETTINGS_PEOPLE, []):
        found.update(value for key, value in person.items() if key in ("name", "account"))
    _gather("", tables, found)
    return found


def _gather(key: str, value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _gather(key if key in _SETTINGS_MASKED else name, inner, found)
    elif isinstance(value, list):
        for inner in value:
            _gather("", inner, found)
    elif key in _SETTINGS_MASKED:
        found.add(str(value))


def words(text: str, secrets: Iterable[str]) -> str:
    """Free words without these secrets, and without what looks like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = re.sub(re.escape(secret), MASK, text, flags=re.IGNORECASE)
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return text
