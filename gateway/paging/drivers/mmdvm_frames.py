"""The frames an MMDVM modem speaks, as pure code: building, parsing, and what replies mean.

A frame is `E0 length command payload`; the length counts every byte. Sources: the host protocol
as MMDVMHost speaks it and the MMDVM_HS firmware answers it, protocol versions 1 and 2.
"""

from typing import Final

import msgspec

START: Final = 0xE0
VERSION: Final = 0x00
STATUS: Final = 0x01
SET_CONFIG: Final = 0x02
SET_MODE: Final = 0x03
SET_FREQ: Final = 0x04
POCSAG_DATA: Final = 0x50
ACK: Final = 0x70
NAK: Final = 0x7F
DEBUG: Final = frozenset({0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xFA})

MODE_POCSAG: Final = 6
FIFO_FULL: Final = 5

_NAK_WORDS: Final = {
    1: "it does not know the command: its firmware is too old for POCSAG",
    2: "it is in the wrong state: POCSAG is not enabled",
    4: "it does not accept the value",
    FIFO_FULL: "its queue is full",
    6: "it cannot work in duplex",
}
# Least and most bytes of a whole reply. Anything else that starts with E0 is line noise.
_LENGTHS: Final = {ACK: (4, 4), NAK: (5, 5), VERSION: (5, 255), STATUS: (9, 64)}
_LENGTHS_DEBUG: Final = (3, 255)


class Frame(msgspec.Struct, frozen=True):
    """One whole frame as it was on the line."""

    raw: bytes

    @property
    def command(self) -> int:
        """What it is."""
        return self.raw[2]

    def answers(self, command: int) -> bool:
        """Whether it is the ACK or NAK of a command."""
        return self.command in (ACK, NAK) and self.raw[3] == command


class FrameParser:
    """Finds the frames in whatever arrives, in pieces of any size, through any garbage.

    It holds at most one unfinished frame, so at most 255 bytes.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        self._held += data
        return self._take()

    def resync(self) -> list[Frame]:
        """Nothing more came: a frame still unfinished never began. Frames hidden in it, if any."""
        found: list[Frame] = []
        while self._held:
            del self._held[0]
            found += self._take()
        return found

    def _take(self) -> list[Frame]:
        found: list[Frame] = []
        held, at = self._held, 0
        while (at := held.find(START, at)) >= 0 and len(held) - at >= 3:
            least, most = _lengths(held[at + 2])
            length = held[at + 1]
            if not least <= length <= most:
                at += 1
            elif len(held) - at < length:
                break
            else:
                found.append(Frame(bytes(held[at : at + length])))
                at += length
        del held[: len(held) if at < 0 else at]
        return found


class Version(msgspec.Struct, frozen=True):
    """What a modem says about itself."""

    protocol: int
    pocsag: bool
    text: str


class Status(msgspec.Struct, frozen=True):
    """What a modem is doing. `free` is how many POCSAG batches its queue still takes."""

    mode: int
    transmitting: bool
    free: int


def frame(command: int, payload: bytes = b"") -> bytes:
    """One frame for the line."""
    return bytes((START, 3 + len(payload), command)) + payload


def version_of(reply: Frame) -> Version:
    """Read a VERSION reply. Protocol 1 does not say whether it knows POCSAG."""
    raw = reply.raw
    protocol = raw[3]
    text = raw[4:] if protocol == 1 else raw[23:]
    pocsag = protocol == 1 or (len(raw) > 5 and bool(raw[5] & 0x01))
    return Version(protocol, pocsag, text.split(b"\0")[0].decode("ascii", "replace").strip())


def status_of(reply: Frame, protocol: int) -> Status | None:
    """Read a STATUS reply; None where it is too short to speak of POCSAG."""
    mode, flags, free = (4, 5, 12) if protocol == 1 else (3, 4, 14)
    raw = reply.raw
    if len(raw) <= free:
        return None
    return Status(raw[mode], bool(raw[flags] & 0x01), raw[free])


def set_frequency(frequency_hz: int, power: int) -> bytes:
    """SET_FREQ with one frequency for receiving, transmitting and POCSAG alike."""
    hertz = frequency_hz.to_bytes(4, "little")
    return frame(SET_FREQ, bytes(1) + hertz + hertz + bytes((power,)) + hertz)


def set_config(protocol: int, transmit_delay_ms: int, level: int) -> bytes:
    """SET_CONFIG for simplex and POCSAG alone, in the layout of the protocol version."""
    delay = transmit_delay_ms // 10
    if protocol == 1:
        fields = {0: 0x80, 1: 0x20, 2: delay, 17: level}
        return frame(SET_CONFIG, bytes(fields.get(at, 0) for at in range(23)))
    # Where protocol 2 keeps the POCSAG level is known from the host's side only.
    fields = {0: 0x80, 2: 0x01, 3: delay, 15: level}
    return frame(SET_CONFIG, bytes(fields.get(at, 0) for at in range(37)))


def nak_words(error: int) -> str:
    """Why a modem refused."""
    return _NAK_WORDS.get(error, f"error {error}")


def _lengths(command: int) -> tuple[int, int]:
    """The shortest and longest frame of a command that a modem sends; none for other commands."""
    return _LENGTHS_DEBUG if command in DEBUG else _LENGTHS.get(command, (256, 0))
