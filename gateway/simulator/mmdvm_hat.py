"""A simulated MMDVM_HS modem hat on a pty: its framing, its queue and its carrier.

Written from the firmware's side: it checks what the firmware checks and refuses with the
firmware's error numbers. What it puts on the air is kept, batch by batch, so that a decoder can
be given the very bits. Time passes only where the clock says so: nothing is timed by a thread.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final

from gateway.simulator.pty_port import PtyPort

QUEUE_BATCHES: Final = 14
BATCH_S: Final = 544 / 1200
PREAMBLE_S: Final = 576 / 1200

GET_VERSION, GET_STATUS, SET_CONFIG, SET_MODE, SET_FREQ, POCSAG = 0x00, 0x01, 0x02, 0x03, 0x04, 0x50

_UNKNOWN, _WRONG_STATE, _BAD_ARGUMENT, _QUEUE_FULL, _NO_DUPLEX = 1, 2, 4, 5, 6
_IDLE_MODE, _POCSAG_MODE = 0, 6
_SYNC: Final = bytes.fromhex("7cd215d8")
_IDLE_WORD: Final = bytes.fromhex("7a89c197")
_DEBUG: Final = b"\xe0\x0b\xf1POCSAG x\xe0\x07\xf2ab\x01\x02\xe0\x06\xfa\xe0\xe0\xe0"


class Air:
    """The queue and what leaves it: preamble, then a batch after the other while there is one.

    Attributes:
        transmissions: One list of 68-byte batches for each time the carrier was up.
        splits: How often the carrier came up in the middle of a message: its queue had run dry.
        broken: Nothing is put on the air any more, and a carrier that was up is down.
        stuck: The carrier stays up once it is.
    """

    def __init__(self, speed_up: float) -> None:
        self.transmissions: list[list[bytes]] = []
        self.splits = 0
        self.broken = False
        self.stuck = False
        self.transmitting = False
        self._speed_up = speed_up
        self._queue: deque[bytes] = deque()
        self._until = 0.0  # when what is on the air now ends

    @property
    def free(self) -> int:
        """How many batches the queue still takes."""
        return QUEUE_BATCHES - len(self._queue)

    def put(self, batch: bytes, now: float) -> int:
        """Queue a batch; an error number where there is no room."""
        if self.free == 0:
            return _QUEUE_FULL
        self._queue.append(batch)
        self.advance(now)
        return 0

    def advance(self, now: float) -> None:
        """Let the time pass until now."""
        if self.broken:
            self.transmitting = False
        elif self._queue and not self.transmitting:
            self.transmitting = True
            self.transmissions.append([])
            self.splits += _begins_inside(self._queue[0])
            self._until = now + PREAMBLE_S / self._speed_up
        while self.transmitting and now >= self._until:
            if self._queue:
                self.transmissions[-1].append(self._queue.popleft())
                self._until += BATCH_S / self._speed_up
            elif self.stuck:
                return
            else:
                self.transmitting = False


class MmdvmHat(PtyPort):
    """The hat.

    Args:
        protocol: Version 1 or 2 of the host protocol.
        clock: Seconds; by default real time.
        speed_up: How many times faster than on the air a batch is gone.
        pocsag: Whether the firmware knows POCSAG; of protocol 1 those that do not are the oldest.
        acknowledges_data: Whether it acknowledges data frames, as the firmware does not.

    Attributes:
        silent: Commands it carries out and does not answer.
        mute_from: Once it has heard this command it answers nothing any more.
        deaf_for: How many commands it misses from now on, as while its board starts.
        noise: Bytes on the line before each answer.
        debugs: Whether it sends debug frames before each answer.
        frequency_hz, power, level, delay: What it was set to.
    """

    def __init__(
        self,
        *,
        protocol: int = 1,
        clock: Callable[[], float] = time.monotonic,
        speed_up: float = 1.0,
        pocsag: bool = True,
        acknowledges_data: bool = False,
    ) -> None:
        super().__init__()
        self.air = Air(speed_up)
        self.silent: set[int] = set()
        self.mute_from: int | None = None
        self.deaf_for = 0
        self.noise = b""
        self.debugs = False
        self.frequency_hz: int | None = None
        self.power = self.level = self.delay = 0
        self._protocol = protocol
        self._clock = clock
        self._pocsag = pocsag
        self._acknowledges_data = acknowledges_data
        self._mute = False
        self._configured = False
        self._mode = _IDLE_MODE
        self._refusals: defaultdict[int, deque[int]] = defaultdict(deque)
        self._buffer = bytearray()
        self._lock = threading.Lock()

    def refuse(self, command: int, *errors: int) -> None:
        """Answer the next commands of a kind with these errors; 0 lets one through."""
        with self._lock:
            self._refusals[command].extend(errors)

    def transmissions(self) -> list[list[bytes]]:
        """What was on the air until now: 68-byte batches, a list for each carrier."""
        with self._lock:
            self.air.advance(self._clock())
            return [list(each) for each in self.air.transmissions]

    def receive(self, data: bytes) -> None:
        """See `PtyPort`. Like the firmware, it takes what follows an E0 for a length."""
        with self._lock:
            for byte in data:
                if not self._buffer and byte != 0xE0:
                    continue
                self._buffer.append(byte)
                if len(self._buffer) == 2 and byte < 3:
                    self._buffer.clear()
                elif len(self._buffer) >= 3 and len(self._buffer) == self._buffer[1]:
                    command, payload = self._buffer[2], bytes(self._buffer[3:])
                    self._buffer.clear()
                    self._obey(command, payload)

    def _obey(self, command: int, payload: bytes) -> None:
        if self.deaf_for > 0:
            self.deaf_for -= 1
            return
        self.air.advance(self._clock())
        self._mute = self._mute or command == self.mute_from
        reply = self._reply(command, payload)
        if reply and not self._mute and command not in self.silent:
            self.write((_DEBUG if self.debugs else b"") + self.noise + reply)

    def _reply(self, command: int, payload: bytes) -> bytes:
        if command == GET_VERSION:
            return self._version()
        if command == GET_STATUS:
            return self._status()
        refusals = self._refusals[command]
        error = refusals.popleft() if refusals else 0
        if not error:
            error = self._carry_out(command, payload)
        if error:
            return bytes((0xE0, 5, 0x7F, command, error))
        if command == POCSAG and not self._acknowledges_data:
            return b""
        return bytes((0xE0, 4, 0x70, command))

    def _carry_out(self, command: int, payload: bytes) -> int:
        if command == SET_FREQ:
            return self._set_frequency(payload)
        if command == SET_CONFIG:
            return self._set_config(payload)
        if command == SET_MODE:
            return self._set_mode(payload)
        if command == POCSAG:
            return self._take(payload)
        return _UNKNOWN

    def _set_frequency(self, payload: bytes) -> int:
        if len(payload) != 14:
            return _BAD_ARGUMENT
        for at in (1, 5, 10):
            hertz = int.from_bytes(payload[at : at + 4], "little")
            if not _tunable(hertz):
                return _BAD_ARGUMENT
            self.frequency_hz = hertz
        self.power = payload[9]
        return 0

    def _set_config(self, payload: bytes) -> int:
        if self._protocol == 1:
            size, enabled, delay, level = 23, payload[1:2] == b"\x20", 2, 17
        else:
            size, enabled, delay, level = 37, payload[1:3] == b"\x00\x01", 3, 15
        if len(payload) != size or not enabled or payload[delay] > 50:
            return _BAD_ARGUMENT
        if not payload[0] & 0x80:
            return _NO_DUPLEX
        self.delay, self.level = payload[delay], payload[level]
        self._configured = self._pocsag
        self._mode = _IDLE_MODE
        return 0

    def _set_mode(self, payload: bytes) -> int:
        if payload not in (bytes((_IDLE_MODE,)), bytes((_POCSAG_MODE,))):
            return _BAD_ARGUMENT
        if payload[0] == _POCSAG_MODE and not self._configured:
            return _BAD_ARGUMENT
        self._mode = payload[0]
        return 0

    def _take(self, payload: bytes) -> int:
        if not self._configured or self.frequency_hz is None:
            return _WRONG_STATE
        if len(payload) != 68 or not payload.startswith(_SYNC):
            return _BAD_ARGUMENT
        self._mode = _POCSAG_MODE
        return self.air.put(payload, self._clock())

    def _version(self) -> bytes:
        text = b"MMDVM_HS_Hat-v1.5.2 simulated"
        if self._protocol == 2:
            text = bytes((0, int(self._pocsag))) + bytes(17) + text
        return bytes((0xE0, 4 + len(text), 0x00, self._protocol)) + text

    def _status(self) -> bytes:
        size, mode, flags, free = (13, 4, 5, 12) if self._protocol == 1 else (20, 3, 4, 14)
        reply = bytearray(size)
        reply[0:3] = 0xE0, size, 0x01
        reply[mode] = self._mode
        reply[flags] = int(self.air.transmitting)
        reply[free] = self.air.free if self._configured else 0
        if not self._pocsag:
            reply[1] = 11
        return bytes(reply[: reply[1]])


def _tunable(hertz: int) -> bool:
    """The firmware's bands, less the satellites' parts of them."""
    if 145_800_000 <= hertz <= 146_000_000 or 435_000_000 <= hertz <= 438_000_000:
        return False
    bands = ((144, 148), (219, 225), (420, 475), (842, 950))
    return any(low * 1_000_000 <= hertz < high * 1_000_000 for low, high in bands)


def _begins_inside(batch: bytes) -> bool:
    """Whether the first codeword that is not idle belongs to a message begun before."""
    words = (batch[at : at + 4] for at in range(4, 68, 4))
    first = next((word for word in words if word != _IDLE_WORD), _IDLE_WORD)
    return bool(first[0] & 0x80)
