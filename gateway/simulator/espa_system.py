"""A simulated ESPA 4.4.4 paging system on a pty: the other station of the line, and its faults.

Written from the polled station's side, apart from the driver: it answers polls and selections,
checks every block, keeps the calls, and tells what became of them when it is polled again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from gateway.simulator.pty_port import PtyPort


class Stage(Enum):
    """Where in the dialogue a fault strikes."""

    SELECT = "selected by the control station"
    BLOCK = "a call has arrived whole"
    POLL = "polled by the control station"
    STATUS = "allowed to send a status"


class Faults(msgspec.Struct, frozen=True):
    """What goes wrong, on purpose.

    Attributes:
        refuse_selections: The NAK prefixes with which the first selections are refused; "" is a
            bare NAK.
        refuse_blocks: The same for the first blocks.
        eot_after_nak: Ends the exchange with each NAK: the system must be selected again.
        silent: Says nothing at this stage; a call is taken all the same.
        silences: How many times it is silent there, then no more.
        drop: Goes off the line at this stage.
        garbage: Noise before every answer.
        stray_eot: Answers every EOT with one, so that one precedes the ACK.
        polls_without_status: How many polls it leaves a status waiting.
        broken_statuses: How many status blocks go out with a wrong check character.
        unmasked_check: Status blocks carry a name in eight bits, and a check character as well.
        extra_separator: An RS stands before the ETX of a status.
        lost_end: A status is not followed by EOT: the line stays taken.
    """

    refuse_selections: tuple[str, ...] = ()
    refuse_blocks: tuple[str, ...] = ()
    eot_after_nak: bool = False
    silent: Stage | None = None
    silences: int = 1_000_000
    drop: Stage | None = None
    garbage: bytes = b""
    stray_eot: bool = False
    polls_without_status: int = 0
    broken_statuses: int = 0
    unmasked_check: bool = False
    extra_separator: bool = False
    lost_end: bool = False


class EspaCall(msgspec.Struct, frozen=True):
    """One call that the system took.

    Attributes:
        address, message, beep, kind, transmissions, priority: The records 1 to 6, empty where
            one is missing.
        mono_ns: CLOCK_MONOTONIC when the block was complete.
    """

    address: str
    message: str
    beep: str
    kind: str
    transmissions: str
    priority: str
    mono_ns: int


class Dialogue:
    """The protocol without a line: bytes in, bytes out.

    Args:
        on_call: Called for every call, before it is acknowledged.
        statuses: What it tells of each call, in this order: the call status digits.
        echo_message: Whether a status carries the call's message.
        faults: What goes wrong.

    Attributes:
        refused: The prefixes of all NAKs it has heard: its own blocks that were refused.
        hung_up: Whether it has gone off the line.
        waiting: Header and records of the blocks that were not fetched yet.
    """

    MOST_SENDINGS: Final = 3
    LONGEST: Final = 400

    def __init__(
        self,
        on_call: Callable[[EspaCall], None],
        *,
        statuses: tuple[str, ...] = (),
        echo_message: bool = False,
        faults: Faults | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.refused: list[str] = []
        self.hung_up = False
        self.waiting: deque[tuple[str, tuple[tuple[int, str], ...]]] = deque()
        self._on_call = on_call
        self._statuses = statuses
        self._echo_message = echo_message
        self._refuse_selections = deque(self.faults.refuse_selections)
        self._refuse_blocks = deque(self.faults.refuse_blocks)
        self._silences = self.faults.silences
        self._held_back = self.faults.polls_without_status
        self._broken = self.faults.broken_statuses
        self._after = self._idle
        self._last = ""
        self._block = b""
        self._sendings = 0
        self._out = b""

    def feed(self, data: bytes) -> bytes:
        """Hear some bytes; returns what it says to them."""
        self._out = b""
        for byte in data:
            if self.hung_up:
                break
            self._after(byte)
        return self._out

    # Each of these hears one byte in one state of the station.

    def _idle(self, byte: int) -> None:
        """Whoever it is that is enquired of has the right to transmit."""
        if byte == 0x05 and self._last == "2":
            self._polled()
        elif byte == 0x05 and self._last == "1":
            self._after = self._other_is_master
        self._heard_outside(byte)

    def _other_is_master(self, byte: int) -> None:
        if byte == 0x05 and self._last == "2":
            self._selected()
        self._heard_outside(byte)

    def _slave(self, byte: int) -> None:
        if byte == 0x01:
            self._block = b""
            self._after = self._in_block
        else:
            self._heard_outside(byte)

    def _in_block(self, byte: int) -> None:
        if byte == 0x04:
            self._heard_outside(byte)
            return
        self._block += bytes((byte,))
        if byte == 0x03:
            self._after = self._at_check
        elif len(self._block) > self.LONGEST:
            self._after = self._slave

    def _at_check(self, byte: int) -> None:
        parity = 0
        for each in self._block:
            parity ^= each
        self._after = self._slave
        if self._struck(Stage.BLOCK, take=parity == byte):
            return
        if self._refuse_blocks:
            self._refuse(self._refuse_blocks.popleft())
        elif parity != byte:
            self._refuse("1")
        elif not self._take():
            self._refuse("3")
        else:
            self._answer(b"\x06")

    def _asks_for_leave(self, byte: int) -> None:
        """It has said `1 ENQ`."""
        if byte == 0x06:
            self._sendings = 0
            self._after = self._sends
            self._send_status()
        else:
            self._heard_outside(byte)

    def _sends(self, byte: int) -> None:
        """It has sent a status block."""
        if byte == 0x15:
            self.refused.append(self._last)
            self._send_status()
        elif byte == 0x06:
            self.waiting.popleft()
            if self.faults.lost_end:
                self._after = self._idle
            elif self.waiting:
                self._sendings = 0
                self._send_status()
            else:
                self._give_back()
        self._heard_outside(byte)

    def _heard_outside(self, byte: int) -> None:
        if byte == 0x04:
            self._after = self._idle
            if self.faults.stray_eot:
                self._out += b"\x04"
        self._last = chr(byte)

    # What it does.

    def _polled(self) -> None:
        if self._struck(Stage.POLL):
            return
        if not self.waiting or self._held_back > 0:
            self._held_back -= bool(self.waiting)
            self._answer(b"\x04")
        else:
            self._after = self._asks_for_leave
            self._answer(b"1\x05")

    def _selected(self) -> None:
        self._after = self._slave
        if self._struck(Stage.SELECT):
            return
        if self._refuse_selections:
            self._refuse(self._refuse_selections.popleft())
            self._after = self._idle
        else:
            self._answer(b"\x06")

    def _take(self) -> bool:
        """Keep the call in the block and prepare what is to be told of it."""
        header, _, body = self._block[:-1].partition(b"\x02")
        fields = dict.fromkeys("123456", "")
        for record in body.decode("latin-1").split("\x1e"):
            identifier, _, value = record.partition("\x1f")
            fields[identifier] = value
        address, message = fields["1"], fields["2"]
        if header != b"1" or not 0 < len(address) <= 16 or len(message) > 128:
            return False
        call = EspaCall(
            address=address,
            message=message,
            beep=fields["3"],
            kind=fields["4"],
            transmissions=fields["5"],
            priority=fields["6"],
            mono_ns=time.monotonic_ns(),
        )
        self._on_call(call)
        echo = ((2, message),) if self._echo_message else ()
        for status in self._statuses:
            self.waiting.append(("2", ((1, address), *echo, (7, status))))
        return True

    def _send_status(self) -> None:
        if self._struck(Stage.STATUS):
            return
        self._sendings += 1
        if self._sendings > self.MOST_SENDINGS:
            self._give_back()
            return
        header, fields = self.waiting[0]
        records = "\x1e".join(f"{number}\x1f{data}" for number, data in fields)
        if self.faults.unmasked_check:
            records = f"9\x1f\xe9\x1e{records}"
        if self.faults.extra_separator:
            records += "\x1e"
        body = f"{header}\x02{records}\x03".encode("latin-1")
        parity = 0
        for each in body:
            parity ^= each
        if self._broken > 0:
            self._broken -= 1
            parity ^= 0x10
        self._answer(b"\x01" + body + bytes((parity,)))

    def _give_back(self) -> None:
        self._after = self._idle
        self._answer(b"\x04")

    def _refuse(self, prefix: str) -> None:
        self._answer(prefix.encode() + b"\x15")
        if self.faults.eot_after_nak:
            self._after = self._idle
            self._out += b"\x04"

    def _answer(self, data: bytes) -> None:
        self._out += self.faults.garbage + data

    def _struck(self, stage: Stage, *, take: bool = False) -> bool:
        """Whether a fault takes this turn; a call is taken all the same where it can be."""
        silent = self.faults.silent is stage and self._silences > 0
        if not silent and self.faults.drop is not stage:
            return False
        if take:
            self._take()
        self._silences -= 1
        self.hung_up = self.faults.drop is stage
        return True


class EspaSystem(PtyPort):
    """The paging system, station `2`, with a thread of its own; use it as a context manager.

    Args:
        statuses: What it tells of each call when polled afterwards: call status digits.
        echo_message: Whether a status carries the call's message.
        faults: What goes wrong.
        on_page: Called from the system's thread for every call, before it is acknowledged.
    """

    def __init__(
        self,
        *,
        statuses: tuple[str, ...] = ("2", "3"),
        echo_message: bool = False,
        faults: Faults | None = None,
        on_page: Callable[[EspaCall], None] | None = None,
    ) -> None:
        super().__init__()
        self._dialogue = Dialogue(
            self._take, statuses=statuses, echo_message=echo_message, faults=faults
        )
        self._on_page = on_page
        self._pages: list[EspaCall] = []
        self._waited_for = 0
        self._arrival = threading.Condition()

    @property
    def pages(self) -> tuple[EspaCall, ...]:
        """All calls taken so far, oldest first."""
        with self._arrival:
            return tuple(self._pages)

    @property
    def refused(self) -> tuple[str, ...]:
        """The prefixes of the NAKs that its status blocks got."""
        return tuple(self._dialogue.refused)

    def tell(self, *records: tuple[int, str], header: str = "2") -> None:
        """Have a block with these records wait for the next poll, by its header a status."""
        self._dialogue.waiting.append((header, records))

    def wait_for_page(self, timeout_s: float) -> EspaCall | None:
        """The next call that was not returned yet; None when none comes in time."""
        with self._arrival:
            if not self._arrival.wait_for(lambda: len(self._pages) > self._waited_for, timeout_s):
                return None
            self._waited_for += 1
            return self._pages[self._waited_for - 1]

    def receive(self, data: bytes) -> None:
        """See `PtyPort`."""
        answer = self._dialogue.feed(data)
        if self._dialogue.hung_up:
            self.hang_up()
        elif answer:
            self.write(answer)

    def _take(self, call: EspaCall) -> None:
        if self._on_page is not None:
            self._on_page(call)
        with self._arrival:
            self._pages.append(call)
            self._arrival.notify_all()
