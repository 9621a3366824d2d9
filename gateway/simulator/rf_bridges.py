"""Simulated transmitters of 24-bit codes: an RFXtrx433 and a Sonoff RF bridge, each on a pty.

They are written from the equipment's side of the protocol: they check every field of what they
are told, put the code "on the air" as a list, and answer as the real ones do.
"""

import collections
import enum
from typing import NamedTuple

from gateway.simulator.pty_port import PtyPort


class OnAir(NamedTuple):
    """One command that went on the air: the code and its unit time."""

    code: int
    unit_us: int


class Fault(enum.Enum):
    """What a bridge does wrong with the next command that sends a code."""

    SILENT = "silent"  # sends, and its answer is lost
    DEAF = "deaf"  # neither sends nor answers
    REFUSES = "refuses"  # RFXtrx: no lock on the frequency
    TOO_OLD = "too old"  # RFXtrx: wrong command
    STALE = "stale"  # first repeats the answer to another packet, then its own is lost
    NOISE = "noise"  # garbage and a code from the air around a good answer
    LATE = "late"  # RFXtrx: sent after the band was busy
    UNPLUGGED = "unplugged"  # the adapter goes while it sends


class RfBridge(PtyPort):
    """What both have in common: what went on the air, and the faults yet to come."""

    def __init__(self) -> None:
        super().__init__()
        self.air: list[OnAir] = []
        self.faults: collections.deque[Fault | None] = collections.deque()
        self.unasked = b""  # said before every answer: codes received meanwhile

    def next_fault(self) -> Fault | None:
        """The fault for this command, None when it goes well."""
        return self.faults.popleft() if self.faults else None


class SimulatedRfxtrx(RfBridge):
    """An RFXtrx433E: packets begin with their length.

    Args:
        kind: The transceiver type that its status tells; 0x53 is 433.92 MHz.
        knows_start: Whether its firmware knows the start command.
        mute: It answers nothing at all.
    """

    _ACCEPTS = 36  # the longest packet it takes; a longer one is noise and is dropped

    def __init__(self, *, kind: int = 0x53, knows_start: bool = True, mute: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.knows_start = knows_start
        self.mute = mute
        self.started = False
        self.resets = 0
        self._buffer = b""

    def receive(self, data: bytes) -> None:
        """Take whole packets out of the stream."""
        self._buffer += data
        while self._buffer:
            length = self._buffer[0]
            if not 4 <= length <= self._ACCEPTS:
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < length + 1:
                return
            packet, self._buffer = self._buffer[: length + 1], self._buffer[length + 1 :]
            self._packet(packet)

    def _packet(self, packet: bytes) -> None:
        """Do what one packet says."""
        if packet[1] == 0x00 and len(packet) == 14:
            self._interface(packet[3], packet[4])
        elif packet[1] == 0x13 and len(packet) == 10:
            self._lighting4(packet)
        else:
            self._say(bytes((0x0D, 0x01, 0xFF, packet[3])) + bytes(10))

    def _interface(self, seq: int, command: int) -> None:
        """Reset, status, start; a reset is not answered."""
        if command == 0x00:
            self.resets += 1
            self.started = False
            self._buffer = b""
        elif command == 0x02:
            head = (0x14, 0x01, 0x00, seq, 0x02, self.kind, 0x01, 0x2A)
            self._say(bytes(head) + b"\x00\x24\x00\x01\x02\x1c\x03" + b"RFXCOM")
        elif command == 0x07 and self.knows_start:
            self.started = True
            self._say(bytes((0x14, 0x01, 0x07, seq, 0x07)) + b"Copyright RFXCOM")
        else:
            self._say(bytes((0x0D, 0x01, 0xFF, seq, command)) + bytes(9))

    def _lighting4(self, packet: bytes) -> None:
        """Put a code on the air and say so, or fail as told."""
        seq = packet[3]
        on_air = OnAir(int.from_bytes(packet[4:7], "big"), int.from_bytes(packet[7:9], "big"))
        fault = self.next_fault()
        if fault not in (Fault.DEAF, Fault.REFUSES, Fault.TOO_OLD):
            self.air.append(on_air)
        match fault:
            case None:
                self._response(seq, 0x00)
            case Fault.LATE:
                self._response(seq, 0x01)
            case Fault.REFUSES:
                self._response(seq, 0x02)
            case Fault.TOO_OLD:
                self._say(bytes((0x0D, 0x01, 0xFF, seq)) + bytes(10))
            case Fault.STALE:
                self._response(seq - 1, 0x00)
            case Fault.NOISE:
                self._say(b"\x14\x55\x04\x02")
                self._say(bytes((0x09, 0x13, 0x00, 0x07, 0x04, 0x02, 0x01, 0x01, 0x5E, 0x70)))
                self._response(seq, 0x00)
            case Fault.UNPLUGGED:
                self.hang_up()
            case _:
                pass

    def _response(self, seq: int, message: int) -> None:
        """The transmitter response packet."""
        self._say(bytes((0x04, 0x02, 0x01, seq, message)))

    def _say(self, packet: bytes) -> None:
        """Answer, after whatever was received from the air."""
        if not self.mute:
            self.write(self.unasked + packet)


class SimulatedEfm8(RfBridge):
    """The EFM8BB1 of a Sonoff RF bridge: `AA command … 55`, unknown commands are ignored."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = b""

    def receive(self, data: bytes) -> None:
        """Take whole commands out of the stream, as its firmware's state machine does."""
        self._buffer += data
        while self._buffer:
            if self._buffer[0] != 0xAA:
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < 2:
                return
            if self._buffer[1] != 0xA5:
                self._buffer = self._buffer[2:]
                continue
            if len(self._buffer) < 12:
                return
            frame, self._buffer = self._buffer[:12], self._buffer[12:]
            if frame[11] == 0x55:
                self._transmit(frame[2:11])

    def _transmit(self, fields: bytes) -> None:
        """Put a code on the air and say so, or fail as told."""
        sync, short, long = (int.from_bytes(fields[at : at + 2], "big") for at in (0, 2, 4))
        # The radio keys whatever times it is given; a watch hears only the ratios it knows.
        if long != 3 * short or sync != 31 * short:
            return
        fault = self.next_fault()
        if fault is not Fault.DEAF:
            self.air.append(OnAir(int.from_bytes(fields[6:9], "big"), short))
        match fault:
            case None:
                self.write(self.unasked + b"\xaa\xa0\x55")
            case Fault.NOISE:
                self.write(b"\x00\xff\xaa")
                self.write(b"\xaa\xa4\x2a\x62\x01\x5e\x04\x1a\xaa\xa0\x55\x55")
                self.write(b"\xaa\xa0\x55")
            case Fault.STALE:
                self.write(b"\xaa\xa4\x2a\x62\x01\x5e\x04\x1a\xaa\xa0\x55\x55")
            case Fault.UNPLUGGED:
                self.hang_up()
            case _:
                pass
