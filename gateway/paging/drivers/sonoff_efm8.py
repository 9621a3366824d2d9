"""The EFM8BB1 radio chip of a Sonoff RF bridge as a transmitter of 24-bit codes.

Source: its serial protocol as the Portisch firmware, ESPHome and Tasmota have it. 19200 8N1;
`AA command … 55`; A5 sends, A0 says "sent", A3 and A4 carry a code learnt or received.
"""

import re
from typing import Final

from gateway.model import ReceiptState
from gateway.paging.drivers.ev1527_bridge import Answer, ask
from gateway.paging.drivers.line import Line

_SENT_S: Final = 2.0  # eight frames take 0.5 s at T = 500 µs
# A frame with a code from the air may hold the bytes of an answer, so it is read as a whole.
_FRAME: Final = re.compile(rb"\xAA(?:[\xA3\xA4][\x00-\xFF]{9}|(?P<sent>\xA0))\x55")
_SENT: Final = Answer(ReceiptState.TRANSMITTED, "transmitted")


class SonoffEfm8:
    """The EFM8BB1 on a serial adapter. See `Bridge`.

    It says when it has sent, and nothing else: it has no word for "no", and no status command
    that both of its firmwares know. So `probe` only shows that the adapter is still there.
    """

    baud = 19200
    frames_per_burst = 8  # RF_TRANSMIT_REPEATS of its firmware

    def start(self, line: Line) -> None:
        """Nothing to prepare: it takes codes from power-up on."""
        self.probe(line)

    def probe(self, line: Line) -> str:
        """Touch the adapter; whatever was received meanwhile is thrown away."""
        line.discard_input()
        return "the adapter is there; the bridge has no status command"

    def burst(self, line: Line, code: int, unit_us: int) -> Answer:
        """Send one command and wait for "sent"."""
        return ask(line, send_command(code, unit_us), sent_answer, _SENT_S)


def send_command(code: int, unit_us: int) -> bytes:
    """The command that sends a code: sync, short and long times in µs, then 24 bits."""
    times = (31 * unit_us, unit_us, 3 * unit_us)
    fields = b"".join(time_us.to_bytes(2, "big") for time_us in times)
    return b"\xaa\xa5" + fields + code.to_bytes(3, "big") + b"\x55"


def sent_answer(heard: bytes) -> Answer | None:
    """The word that it was sent, None while that has not been said."""
    return _SENT if any(frame["sent"] for frame in _FRAME.finditer(heard)) else None
