"""Simulated pager terminals: COMP2, Scope, WaveWare, JTECH and LRS, each behind a pty.

Each is written from what its maker's manual says the equipment expects, and is strict about it:
what a real one would drop or refuse, these drop or refuse, and only a good command becomes a
page.
"""

import collections
import enum
import re
import threading
from typing import ClassVar, NamedTuple

from gateway.simulator.pty_port import PtyPort


class Paged(NamedTuple):
    """A page as the equipment understood it; what its protocol does not carry is empty."""

    address: str
    text: str
    function: str = ""
    rate: int = 0
    numeric: bool = False


class Fault(enum.Enum):
    """What goes wrong with the next answer."""

    SILENCE = "silence"  # the page is taken and the answer lost
    GARBAGE = "garbage"  # the answer is noise
    PARTIAL = "partial"  # the answer breaks off half way
    STALL = "stall"  # the answer waits until `release` is called
    REFUSE = "refuse"  # the page is refused, in the equipment's own way
    UNPLUG = "unplug"  # the adapter goes after the page was taken


class Terminal(PtyPort):
    """What all of them have in common: the pages taken and the faults yet to come."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Paged] = []
        self.faults: collections.deque[Fault | None] = collections.deque()
        self.release = threading.Event()
        self._buffer = b""

    def next_fault(self) -> Fault | None:
        """The fault for this command, None when it goes well."""
        return self.faults.popleft() if self.faults else None

    def say(self, answer: bytes, fault: Fault | None) -> None:
        """Answer, as far as the fault lets it."""
        match fault:
            case Fault.SILENCE:
                pass
            case Fault.GARBAGE:
                self.write(b"\x00\x9d#~")
            case Fault.PARTIAL:
                self.write(answer[: len(answer) // 2])
            case Fault.STALL:
                self.release.wait(5.0)
                self.write(answer)
            case Fault.UNPLUG:
                self.hang_up()
            case _:
                self.write(answer)


class Comp2Terminal(Terminal):
    """A COMP2 encoder in verbose mode: `ID[A-D] CR text CR`, three DELs begin afresh.

    Args:
        ids: The pager IDs of its database.
    """

    _LIMIT = 256

    def __init__(self, ids: tuple[str, ...] = ("101", "7")) -> None:
        super().__init__()
        self.ids = ids

    def receive(self, data: bytes) -> None:
        """Collect two fields that end in CR or a tilde."""
        self._buffer += data
        _, afresh, rest = self._buffer.rpartition(b"\x7f\x7f\x7f")
        if afresh:
            self._buffer = rest
        while fields := re.match(rb"([^\r~]*)[\r~]([^\r~]*)[\r~]", self._buffer):
            self._buffer = self._buffer[fields.end() :]
            self._command(fields[1].decode("latin-1"), fields[2].decode("latin-1"), fields.end())
        if len(self._buffer) > self._LIMIT:
            self._buffer = b""

    def _command(self, pager: str, text: str, length: int) -> None:
        known = re.fullmatch(r"([0-9A-Za-z]{1,10}?)([A-D]?)", pager)
        fault = self.next_fault()
        refused = fault is Fault.REFUSE or known is None or known[1] not in self.ids
        if refused or known is None or length > self._LIMIT:
            self.say(b"Invalid character in pager ID\r\r\x1e\r", fault)
            return
        self.pages.append(Paged(known[1], text, known[2]))
        if fault is Fault.GARBAGE:
            self.say(b"", fault)


class ScopeTerminal(Terminal):
    """A Scope encoder: `A|N`, `N|F|S`, seven digits, `A`–`D`, text, CR."""

    _RATES: ClassVar = {"N": 512, "F": 1200, "S": 2400}

    def receive(self, data: bytes) -> None:
        """Take lines that end in CR."""
        self._buffer += data
        while b"\r" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\r")
            self._command(line.decode("latin-1"))

    def _command(self, line: str) -> None:
        fault = self.next_fault()
        if line[:1] not in ("A", "N"):
            self.say(b"Error - Invalid pager type. Expected A or N\r\x15\r\n", fault)
        elif fault is Fault.REFUSE or line[1:2] not in self._RATES or not line[2:9].isdigit():
            self.say(b"Error - Invalid Pager ID\r\n", fault)
        elif line[9:10] not in ("A", "B", "C", "D"):
            self.say(b"Error - Beep code invalid. Expected A,B,C,D\r\x15\r\n", fault)
        else:
            rate = self._RATES[line[1]]
            self.pages.append(Paged(line[2:9], line[10:], line[9], rate, line[0] == "N"))
            self.say(b"Page Queued Okay\r\n", fault)


class WaveWareTerminal(Terminal):
    """A WaveWare encoder: repeats each command, then tells ACK with its queue, or NAK.

    Attributes:
        queue: Pages not yet on the air; beyond 10 a page is refused with 05.
    """

    _RATES: ClassVar = {"5": 512, "1": 1200, "2": 2400}
    _QUEUE = 10
    _TEXT = 244

    def __init__(self) -> None:
        super().__init__()
        self.queue = 0

    def receive(self, data: bytes) -> None:
        """Commands run from SOH to EOT; an SOH begins afresh. ATI comes between them."""
        self._buffer += data
        while self._buffer:
            if self._buffer[:1] != b"\x01":
                if not self._identify():
                    return
            elif b"\x04" not in self._buffer:
                self._buffer = self._buffer[self._buffer.rfind(b"\x01") :]
                return
            else:
                whole, _, self._buffer = self._buffer.partition(b"\x04")
                self._command(whole[whole.rfind(b"\x01") :] + b"\x04")

    def _identify(self) -> bool:
        """Deal with what stands outside a command; False when the rest of it must come yet."""
        start = self._buffer.find(b"\x01")
        outside = self._buffer if start < 0 else self._buffer[:start]
        if b"ATI\r" in outside:
            self.say(b"WaveWare Paging Encoder v9.17\r", self.next_fault())
        elif start < 0:
            return False
        self._buffer = b"" if start < 0 else self._buffer[start:]
        return True

    def _command(self, command: bytes) -> None:
        fault = self.next_fault()
        shape = rb"\x01(.),?(.),?([0-9]+),?\x02([^\x03]*)\x03\x04"
        parts = re.fullmatch(shape, command, re.DOTALL)
        error = self._error(parts) if fault is not Fault.REFUSE else "05"
        if error or parts is None:
            self.say(command + b"\x01\x15" + error.encode() + b"\x04", fault)
            return
        kind, rate, capcode, text = (part.decode("latin-1") for part in parts.groups())
        self.pages.append(Paged(capcode, text, "", self._RATES[rate], kind == "N"))
        self.queue += 1
        self.say(command + b"\x01\x06V8.01,%02d,0,1,1A\x04" % self.queue, fault)

    def _error(self, parts: re.Match[bytes] | None) -> str:
        """The two-digit code of what is wrong, empty when nothing is."""
        if parts is None or len(parts[4]) > self._TEXT:
            return "08"
        if parts[1] not in (b"A", b"N"):
            return "01"
        if parts[2].decode("latin-1") not in self._RATES:
            return "02"
        capcode = int(parts[3])
        if len(parts[3]) > 7 or capcode < 8 or 2007664 <= capcode <= 2007671:
            return "03"
        return "05" if self.queue >= self._QUEUE else ""


class JtechTransmitter(Terminal):
    """A JTECH SmartAlert: says nothing, and hears nothing while CTS is low.

    Attributes:
        cts: The modem line it would drive; a pty has none, so a test reads it here.
    """

    _SEPARATORS: ClassVar = {
        0x0A: (512, False),
        0x0C: (1200, False),
        0x0E: (2400, False),
        0x03: (512, True),
        0x05: (1200, True),
        0x07: (2400, True),
    }
    _TEXT = 120

    def __init__(self) -> None:
        super().__init__()
        self.cts = True

    def receive(self, data: bytes) -> None:
        """Look for the preamble, a function, seven digits, a separator, text and CR."""
        if not self.cts:
            return
        self._buffer += data
        shape = rb"\xff\xff\xff([\x01-\x04])([0-9]{7})([\x03\x05\x07\x0a\x0c\x0e])([^\r]*)\r"
        while page := re.search(shape, self._buffer):
            self._buffer = self._buffer[page.end() :]
            rate, numeric = self._SEPARATORS[page[3][0]]
            if len(page[4]) <= self._TEXT:
                address, text = page[2].decode(), page[4].decode("latin-1")
                self.pages.append(Paged(address, text, str(page[1][0]), rate, numeric))


class LrsTransmitter(Terminal):
    """An LRS T74USB: `PAGE,n,system,text`, answers `PPG,n` at once and `SPPG,n` when sent.

    Attributes:
        transmits: Whether it gets to put pages on the air.
    """

    def __init__(self) -> None:
        super().__init__()
        self.transmits = True

    def receive(self, data: bytes) -> None:
        """Take lines that end in CR; what is no command is not answered."""
        self._buffer += data
        while b"\r" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\r")
            command = re.fullmatch(rb"PAGE,([0-9]{1,5}),([0-9]{1,3}),(.*)", line)
            if command is not None:
                self._page(*(part.decode("latin-1") for part in command.groups()))

    def _page(self, number: str, system: str, text: str) -> None:
        fault = self.next_fault()
        if fault is Fault.REFUSE:
            return
        self.pages.append(Paged(f"{number},{system}", text))
        self.say(f"PPG,{number}\r\n".encode(), fault)
        if self.transmits and fault is None:
            self.write(f"SPPG,{number}\r\n".encode())
