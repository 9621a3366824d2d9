"""RFXCOM RFXtrx433 and RFXtrx433E as transmitters of 24-bit codes.

Source: the RFXtrx serial protocol as its public clients have it; pyRFXtrx, node-rfxcom, openHAB
and Domoticz agree on what is used here. 38400 8N1; the first byte of a packet is its length.
"""

import re
from typing import Final

from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers.ev1527_bridge import Answer, ask
from gateway.paging.drivers.exchange import Ear
from gateway.paging.drivers.line import Line

_RESET: Final = 0x00
_STATUS: Final = 0x02
_START: Final = 0x07
_RESET_S: Final = 0.3  # 50 ms by the documents; clients in the field found they need 300
_STATUS_S: Final = 1.0
_STATUS_TRIES: Final = 3
# A busy band delays a transmission by 3 s (6 s in older firmware) before it is sent anyway.
_TRANSMIT_S: Final = 8.0
_OLD_STATUS: Final = 14  # bytes; firmware from 1000 on has longer ones and leaves the 1000 out
_CANNOT_REACH: Final = {
    0x50: "a 310 MHz one",
    0x51: "a 315 MHz one",
    0x52: "a receiver only",
    **dict.fromkeys(range(0x55, 0x5F), "an 868 MHz one"),
}
_MESSAGES: Final = {
    0x00: Answer(ReceiptState.TRANSMITTED, "transmitted"),
    0x01: Answer(ReceiptState.TRANSMITTED, "transmitted late: the band was busy"),
    0x02: Answer(ReceiptState.FAILED, "the transmitter did not lock", line_down=True),
    0x03: Answer(ReceiptState.FAILED, "the transmitter does not allow this code"),
}
_NO_LOCK: Final = Answer(ReceiptState.FAILED, "the receiver did not lock", line_down=True)
_TOO_OLD: Final = Answer(
    ReceiptState.FAILED, "the firmware does not know this command: update it", line_down=True
)


class Rfxtrx433:
    """An RFXtrx433: packet type 0x13 (Lighting4, PT2262). See `Bridge`."""

    baud = 38400
    # openHAB's log shows 0.36 s from command to acknowledgement at T = 322 µs: eight frames.
    frames_per_burst = 8

    def __init__(self) -> None:
        self._last = 0

    def start(self, line: Line) -> None:
        """Reset, check the status, and start the transceiver."""
        line.write(interface_command(_RESET, 0))
        Ear(line).rest(_RESET_S)
        self.probe(line)
        # Firmware too old for this command says so or nothing, and needs none.
        self._interface(line, _START)

    def probe(self, line: Line) -> str:
        """Get its status."""
        for _ in range(_STATUS_TRIES):
            packet = self._interface(line, _STATUS)
            if packet is not None:
                return status_words(packet)
        raise LineError(f"the RFXtrx433 on {line.port} does not answer")

    def burst(self, line: Line, code: int, unit_us: int) -> Answer:
        """Send one Lighting4 packet and wait for the transmitter response."""
        seq = self._next()
        packet = lighting4(code, unit_us, seq)
        return ask(line, packet, lambda heard: transmitter_answer(heard, seq), _TRANSMIT_S)

    def _interface(self, line: Line, command: int) -> bytes | None:
        """Give an interface command; None when nothing answers it in time."""
        seq = self._next()
        line.write(interface_command(command, seq))
        return Ear(line).wait(lambda heard: interface_answer(heard, seq), _STATUS_S)

    def _next(self) -> int:
        """The next packet's number, 1–255: an answer that carries another one is a stale one."""
        self._last = self._last % 255 + 1
        return self._last


def interface_command(command: int, seq: int) -> bytes:
    """An interface control packet."""
    return bytes((0x0D, 0x00, 0x00, seq, command)) + bytes(9)


def lighting4(code: int, unit_us: int, seq: int) -> bytes:
    """The packet that sends a 24-bit code with a unit time of `unit_us`."""
    head = bytes((0x09, 0x13, 0x00, seq))
    return head + code.to_bytes(3, "big") + unit_us.to_bytes(2, "big") + b"\x00"


def interface_answer(heard: bytes, seq: int) -> bytes | None:
    """The packet that answers interface command `seq`: 14 bytes, or 21 from newer firmware."""
    for size in (0x0D, 0x14):
        start = heard.find(bytes((size, 0x01)))
        while start >= 0:
            packet = heard[start : start + size + 1]
            if len(packet) == size + 1 and packet[3] == seq:
                return packet
            start = heard.find(bytes((size, 0x01)), start + 1)
    return None


def transmitter_answer(heard: bytes, seq: int) -> Answer | None:
    """What was said of transmission `seq`, None while nothing was.

    It looks for the answer's own bytes instead of counting packet lengths: after a lost byte a
    wrong length would swallow the answer, and a received packet hardly holds these by chance.
    """
    number = re.escape(bytes((seq,)))
    if re.search(rb"[\x0D\x14]\x01\xFF" + number, heard):
        return _TOO_OLD
    response = re.search(rb"\x04\x02([\x00\x01])" + number + rb"([\x00-\xFF])", heard)
    if response is None:
        return None
    if response[1] == b"\x00":
        return _NO_LOCK
    message = response[2][0]
    return _MESSAGES.get(message) or Answer(ReceiptState.FAILED, f"refused with code {message}")


def status_words(packet: bytes) -> str:
    """A status packet for a person.

    Raises:
        LineError: It is no status, or one of a transceiver that cannot reach a watch.
    """
    kind, firmware = packet[5], packet[6]
    if len(packet) > _OLD_STATUS:
        firmware += 1000
    if packet[2] != 0x00:
        raise LineError("the RFXtrx does not know the status command")
    if kind in _CANNOT_REACH:
        raise LineError(
            f"this RFXtrx is {_CANNOT_REACH[kind]}: "
            "learning-code watches need a 433.92 MHz transceiver"
        )
    return f"RFXtrx433, type {kind:02X}, firmware {firmware}"
