"""How a template writes bytes: manuals' own `<SOH>` and `<0xFF>`, and `{placeholders}`."""

import re
from collections.abc import Collection
from typing import Final

# fmt: off
_ASCII_NAMES: Final = (
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
    "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC",
    "FS", "GS", "RS", "US", "SP",
)
# fmt: on
CONTROL: Final = {name: code for code, name in enumerate(_ASCII_NAMES)} | {"DEL": 0x7F}

_TOKEN: Final = re.compile(r"<(?P<name>[A-Z][A-Z0-9]{1,2})>|<0x(?P<hex>[0-9A-Fa-f]{2})>")
_PIECE: Final = re.compile(
    r"(?P<byte><[^<>]*>)|(?P<open>\{\{)|(?P<close>\}\})|\{(?P<field>[^{}]*)\}|(?P<plain>.)",
    re.DOTALL,
)

Segments = tuple[bytes | str, ...]


def parse_bytes(text: str) -> bytes:
    """The bytes of a text with no placeholders in it.

    Raises:
        ValueError: A byte is written in a way that is not known; says which.
    """
    segments = parse_frame(text, ())
    return b"".join(segment for segment in segments if isinstance(segment, bytes))


def parse_frame(text: str, fields: Collection[str]) -> Segments:
    """A frame as runs of bytes and, between them, the names of what comes from the page.

    `{{` and `}}` stand for the braces themselves.

    Raises:
        ValueError: A byte or a placeholder is not known; says which, and what is.
    """
    segments: list[bytes | str] = []
    run = bytearray()
    for piece in _PIECE.finditer(text):
        field = piece["field"]
        if field is None:
            run += _piece_bytes(piece)
            continue
        if field not in fields:
            known = ", ".join(f"{{{name}}}" for name in fields) or "none here"
            raise ValueError(f"{{{field}}} is no placeholder; known: {known}")
        if run:
            segments.append(bytes(run))
            run.clear()
        segments.append(field)
    if run:
        segments.append(bytes(run))
    return tuple(segments)


def parse_pattern(text: str) -> str:
    """A reply pattern with `<SOH>` and `<0xFF>` turned into what the `re` module reads."""
    return _TOKEN.sub(_escaped, text)


def _piece_bytes(piece: re.Match[str]) -> bytes:
    if piece["byte"]:
        token = _TOKEN.fullmatch(piece["byte"])
        return bytes((_code(token, piece["byte"]),))
    if piece["open"]:
        return b"{"
    if piece["close"]:
        return b"}"
    plain = piece["plain"]
    if plain in "<>{}":
        written = {"<": "<0x3C>", ">": "<0x3E>", "{": "{{", "}": "}}"}[plain]
        raise ValueError(f"a lone {plain} : write {written} for the character itself")
    if not plain.isascii():
        raise ValueError(f"{plain!r} is no ASCII character: write its byte, e.g. <0xE9>")
    return plain.encode("ascii")


def _code(token: re.Match[str] | None, written: str) -> int:
    if token is not None and token["hex"]:
        return int(token["hex"], 16)
    if token is not None and token["name"] in CONTROL:
        return CONTROL[token["name"]]
    raise ValueError(f"{written} is no byte: write e.g. <CR>, <SOH> or <0xFF>")


def _escaped(token: re.Match[str]) -> str:
    if token["name"] and token["name"] not in CONTROL:
        return token[0]
    return f"\\x{_code(token, token[0]):02x}"
