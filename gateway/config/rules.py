"""What must hold between the tables of gateway.toml: names, pins, ports, times, offers.

A rule looks at whatever was understood, so that one broken table does not hide what is wrong in
the others; what it cannot know because a table is broken, it does not claim.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

from gateway.config import (
    AchivxUplink,
    Button,
    Cause,
    CustomerKind,
    Inputs,
    Ladder,
    MqttUplink,
    Offer,
    Pager,
    Staff,
    Step,
)
from gateway.config.alert_rules import (
    LowIndex,
    Pattern,
    RedsInARow,
    Silence,
    StandingFault,
    UnhappyShare,
)
from gateway.config.decode import Decoded, Note, one_of, shown
from gateway.config.lines import KeyPath
from gateway.config.table import Table
from gateway.config.transmitters import Espa, Ev1527, Mmdvm, Tap, Template, Transmitter
from gateway.customers.rule import account_problem
from gateway.grants.playbook import CAUSES
from gateway.model import ButtonKind, OfferKind

T = TypeVar("T", bound=msgspec.Struct)
DRIVERS: Final = (Tap, Mmdvm, Template, Ev1527, Espa)
PATTERNS: Final = (UnhappyShare, RedsInARow, LowIndex, Silence, StandingFault)


class Draft:
    """What could be understood of a file."""

    def __init__(self, decoded: Decoded) -> None:
        self._tables = decoded.tables
        self._broken = decoded.broken
        self.buttons = self.each(Button)
        self.pagers = self.each(Pager)
        self.staff = self.each(Staff)
        self.transmitters: list[tuple[KeyPath, Transmitter]] = [
            (path, table) for path, table in decoded.tables if isinstance(table, DRIVERS)
        ]
        self.patterns: list[tuple[KeyPath, Pattern]] = [
            (path, table) for path, table in decoded.tables if isinstance(table, PATTERNS)
        ]
        ladders = self.each(Ladder)
        self.ladder = ladders[0][1] if ladders else Ladder()
        self.steps: list[tuple[KeyPath, Step]] = (
            [(("ladder", "steps", at), step) for at, step in enumerate(self.ladder.steps)]
            if self.whole("ladder")
            else self.each(Step)
        )

    def each(self, kind: type[T]) -> list[tuple[KeyPath, T]]:
        """Every table of one kind that stands in the file, with its place."""
        return [(path, table) for path, table in self._tables if isinstance(table, kind)]

    def whole(self, *keys: str) -> bool:
        """Whether everything under these top-level keys was understood."""
        return self._broken.isdisjoint(keys)

    def pins(self) -> list[tuple[KeyPath, int]]:
        """Every pin in use, with the key that uses it."""
        uses: list[tuple[KeyPath, int | None]] = []
        for path, inputs in self.each(Inputs):
            uses.append(((*path, "fault_led_pin"), inputs.fault_led_pin))
            uses.append(((*path, "buzzer_pin"), inputs.buzzer_pin))
        for path, button in self.buttons:
            uses.append(((*path, "pin"), button.pin))
            uses.append(((*path, "led_pin"), button.led_pin))
        return [(path, pin) for path, pin in uses if pin is not None]


CrossRule = Callable[[Draft], Iterator[Note]]


def button_pages(button: Button) -> bool:
    """Whether a press of this button is meant to reach a wrist."""
    if button.kind is ButtonKind.REASON:
        return button.pages is True
    return button.kind.is_red or button.kind is ButtonKind.CALL


def place(path: KeyPath) -> str:
    """A short name of a place for use inside a sentence."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _unique_names(draft: Draft) -> Iterator[Note]:
    offers = draft.each(Offer)
    for group in (
        draft.buttons,
        draft.pagers,
        draft.staff,
        draft.transmitters,
        offers,
        draft.each(Cause),
        draft.each(CustomerKind),
        draft.patterns,
    ):
        first: dict[str, KeyPath] = {}
        for path, table in group:
            if table.name in first:
                right = f"a name of its own: {place(first[table.name])} has this one"
                yield Note((*path, "name"), shown(table.name), right)
            first.setdefault(table.name, path)


def _one_use_a_pin(draft: Draft) -> Iterator[Note]:
    first: dict[int, KeyPath] = {}
    for path, pin in draft.pins():
        if pin in first:
            yield Note(path, str(pin), f"a free pin: {place(first[pin])} uses this one")
        first.setdefault(pin, path)


def _one_transmitter_a_port(draft: Draft) -> Iterator[Note]:
    first: dict[str, str] = {}
    for path, transmitter in draft.transmitters:
        if transmitter.port in first:
            right = f'a port of its own: transmitter "{first[transmitter.port]}" has this one'
            yield Note((*path, "port"), shown(transmitter.port), right)
        first.setdefault(transmitter.port, transmitter.name)


def _stuck_is_longer_than_long(draft: Draft) -> Iterator[Note]:
    for path, inputs in draft.each(Inputs):
        if inputs.stuck_s <= inputs.long_press_s:
            right = f"more than long_press_s ({inputs.long_press_s:g})"
            yield Note((*path, "stuck_s"), shown(inputs.stuck_s), right)


def _espa_stations_differ(draft: Draft) -> Iterator[Note]:
    for path, espa in draft.each(Espa):
        if espa.local_address == espa.remote_address:
            right = "another address than local_address"
            yield Note((*path, "remote_address"), shown(espa.remote_address), right)


_CERTIFICATE: Final = ("client_certificate_file", "client_key_file")
_USER: Final = ("username", "password_file")


def credentials(draft: Draft) -> Iterator[Note]:
    """What says who comes, to a server or a broker, is whole."""
    yield from _certificate_and_key(draft)
    yield from _broker_knows_who_comes(draft)


def _certificate_and_key(draft: Draft) -> Iterator[Note]:
    for path, uplink in (*draft.each(AchivxUplink), *draft.each(MqttUplink)):
        yield from _both_or_neither(path, uplink, _CERTIFICATE)


def _broker_knows_who_comes(draft: Draft) -> Iterator[Note]:
    """A box must be somebody to the broker: what it may write hangs on that."""
    for path, uplink in draft.each(MqttUplink):
        yield from _both_or_neither(path, uplink, _USER)
        if all(getattr(uplink, key) is None for key in (*_CERTIFICATE, *_USER)):
            right = "a client certificate with its key, or a username with its password_file"
            yield Note(path, "nothing that says who comes", right)


def _both_or_neither(path: KeyPath, uplink: Table, keys: tuple[str, str]) -> Iterator[Note]:
    given = [key for key in keys if getattr(uplink, key) is not None]
    if len(given) == 1:
        missing = next(key for key in keys if key not in given)
        yield Note((*path, missing), "nothing", f"set too: {given[0]} is of no use without it")


_TOKENS_BELOW: Final = 1 << 24
"""Every quarter below this is exact in the server's 32-bit float."""


def _tokens_are_exact(draft: Draft) -> Iterator[Note]:
    for path, offer in draft.each(Offer):
        right = f"more than 0, below {_TOKENS_BELOW}, in steps of 0.25"
        fine = 0 < offer.tokens < _TOKENS_BELOW and (offer.tokens * 4).is_integer()
        if offer.kind is not OfferKind.TOKENS:
            right, fine = 'nothing here unless kind is "tokens"', offer.tokens == 0
        if not fine:
            yield Note((*path, "tokens"), shown(offer.tokens), right)


def _stock_is_of_souvenirs(draft: Draft) -> Iterator[Note]:
    for path, offer in draft.each(Offer):
        if offer.stock is not None and offer.kind is not OfferKind.SOUVENIR:
            right = 'nothing here unless kind is "souvenir"'
            yield Note((*path, "stock"), shown(offer.stock), right)


def _causes_are_known(draft: Draft) -> Iterator[Note]:
    if not draft.whole("causes"):
        return
    causes = [cause for _, cause in draft.each(Cause)] or CAUSES
    names = [cause.name for cause in causes]
    for path, offer in draft.each(Offer):
        for at, name in enumerate(offer.causes):
            if name not in names:
                yield Note((*path, "causes", at), shown(name), one_of(names))


def _accounts_are_of_the_customer(draft: Draft) -> Iterator[Note]:
    for path, kind in draft.each(CustomerKind):
        if wrong := account_problem(kind):
            yield Note((*path, "account"), shown(kind.account), wrong)


RULES: Final[tuple[CrossRule, ...]] = (
    _unique_names,
    _one_use_a_pin,
    _one_transmitter_a_port,
    _stuck_is_longer_than_long,
    _espa_stations_differ,
    credentials,
    _tokens_are_exact,
    _stock_is_of_souvenirs,
    _causes_are_known,
    _accounts_are_of_the_customer,
)
