"""The turns of a session that depend on what arrives when, on a scripted line and clock."""

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import pytest

from gateway.errors import LineError
from gateway.model import ReceiptState
from gateway.paging.drivers import tap_session
from gateway.paging.drivers.tap_session import SPECIFIED, GaveUp, Session

if TYPE_CHECKING:
    from gateway.paging.drivers.line import Line

LOGON: Final = b"\x1bPG1\r"
LET_IN: Final = b"\x06\r\x1b[p\r"
BLOCK: Final = b"\x02123\rABC\r\x0317;\r"
GONE: Final = LineError("unplugged")

Turn: TypeAlias = bytes | LineError | list[tuple[float, bytes | LineError]]


class ScriptedLine:
    """Says its next turn after every write; silence takes no real time.

    A turn is bytes at once, an error at once, or a list of these with seconds to wait for each.
    """

    pending_s = 0.0

    def __init__(self, *turns: Turn) -> None:
        self.written: list[bytes] = []
        self.now_s = 0.0
        self._turns = deque(turns)
        self._coming: deque[tuple[float, bytes | LineError]] = deque()

    def monotonic(self) -> float:
        return self.now_s

    def write(self, data: bytes) -> None:
        self.written.append(data)
        turn = self._turns.popleft() if self._turns else []
        for wait_s, item in turn if isinstance(turn, list) else [(0.0, turn)]:
            self._coming.append((self.now_s + wait_s, item))

    def read(self, timeout_s: float) -> bytes:
        if not self._coming or self._coming[0][0] > self.now_s + timeout_s:
            self.now_s += timeout_s
            return b""
        due_s, item = self._coming.popleft()
        self.now_s = max(self.now_s, due_s)
        if isinstance(item, LineError):
            raise item
        return item

    def discard_input(self) -> None:
        while self._coming and self._coming[0][0] <= self.now_s:
            self._coming.popleft()


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> "Talk":
    return Talk(monkeypatch)


class Talk:
    """A session on a scripted line, by the specification's own timers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def on(self, *turns: Turn) -> tuple[ScriptedLine, Session]:
        line = ScriptedLine(*turns)
        self._monkeypatch.setattr(tap_session, "time", line)
        return line, Session(cast("Line", line), SPECIFIED)

    def logged_on(self, *turns: Turn) -> tuple[ScriptedLine, Session]:
        line, session = self.on(b"ID=", LET_IN, *turns)
        session.log_on("")
        line.written.clear()
        line.now_s = 0.0
        return line, session


def test_three_crs_two_seconds_apart_and_no_more(talk: Talk) -> None:
    line, session = talk.on()

    with pytest.raises(GaveUp, match="no ID=") as gave_up:
        session.log_on("")

    assert line.written == [b"\r"] * 3
    assert line.now_s == pytest.approx(6)
    assert gave_up.value.line_down


def test_what_an_earlier_session_left_is_not_an_answer(talk: Talk) -> None:
    line, session = talk.on(b"501 Timed out\r\x1b\x04\r", b"ID=\r", LET_IN)

    session.log_on("")

    assert line.written == [b"\r", b"\r", LOGON]


def test_the_password_follows_the_service(talk: Talk) -> None:
    line, session = talk.on(b"ID=", LET_IN)

    session.log_on("SECRET")

    assert line.written[-1] == b"\x1bPG1SECRET\r"


def test_an_id_that_crossed_the_logon_does_not_repeat_it(talk: Talk) -> None:
    line, session = talk.on(b"ID=", [(0, b"ID=\r"), (0.5, LET_IN)])

    session.log_on("")

    assert line.written == [b"\r", LOGON]


def test_an_id_after_the_logon_and_then_silence_asks_for_it_again(talk: Talk) -> None:
    line, session = talk.on(b"ID=", b"ID=\r", LET_IN)

    session.log_on("")

    assert line.written == [b"\r", LOGON, LOGON]
    assert line.now_s == pytest.approx(1)


def test_a_greeting_that_contains_the_prompt(talk: Talk) -> None:
    line, session = talk.on(b"ID=", b"114 Your ID=5\r" + LET_IN)

    session.log_on("")

    assert line.written == [b"\r", LOGON]
    assert session.greeting == ("114 Your ", "5")


def test_a_logon_is_sent_again_three_times(talk: Talk) -> None:
    line, session = talk.on(b"ID=", *[b"507 Again\r\x15\r"] * 5)

    with pytest.raises(GaveUp, match="507 malformed logon"):
        session.log_on("")

    assert line.written == [b"\r", *[LOGON] * 4]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "no answer to the logon"),
        (b"\x06\r", "no go-ahead"),
        (b"\x06\r112 Enough\r\x1b\x04\r", "112 page limit"),
        (b"\x06\r\x1b\x04\r", "disconnected after the logon"),
        (b"509 No\r\x1b\x04\r", "509 wrong password"),
        (b"\x1b\x04\r", "logon refused"),
        (GONE, "unplugged"),
    ],
)
def test_a_terminal_that_does_not_let_us_in(
    talk: Talk, said: bytes | LineError, words: str
) -> None:
    line, session = talk.on(b"ID=", said)

    with pytest.raises(GaveUp, match=words) as gave_up:
        session.log_on("")

    assert (gave_up.value.state, gave_up.value.line_down) == (ReceiptState.FAILED, True)
    assert line.now_s <= SPECIFIED.t3_s + 0.001


def test_an_ack_behind_the_go_ahead_is_not_the_answer_to_the_block(talk: Talk) -> None:
    _, session = talk.on(b"ID=", [(0, b"\x1b[p\r"), (0.05, b"\x06\r")], b"511 No\r\x1e\r")
    session.log_on("")

    with pytest.raises(GaveUp, match="511 unknown pager id"):
        session.transmit([BLOCK])


def test_what_came_before_the_block_is_not_its_answer(talk: Talk) -> None:
    _, session = talk.logged_on([(0, b"\x15\r\x06\r"), (0, b"\x06\r")], b"511 No\r\x1e\r")

    with pytest.raises(GaveUp, match="511 unknown pager id"):
        session.transmit([BLOCK])


def test_a_block_is_sent_again_three_times(talk: Talk) -> None:
    line, session = talk.logged_on(*[b"514 Checksum\r\x15\r"] * 5)

    with pytest.raises(GaveUp, match="514 checksum error") as gave_up:
        session.transmit([BLOCK])

    assert line.written == [BLOCK] * 4
    assert gave_up.value.state is ReceiptState.FAILED
    assert gave_up.value.line_down
    assert gave_up.value.still_logged_on


def test_a_busy_terminal_is_given_more_time(talk: Talk) -> None:
    _, session = talk.logged_on([(9, b"111 Wait\r"), (17, b"111 Wait\r"), (24, b"211 Ok\r\x06\r")])

    assert session.transmit([BLOCK]) == "211 page accepted"


def test_a_terminal_that_is_busy_for_ever_is_not_believed(talk: Talk) -> None:
    line, session = talk.logged_on([(float(at), b"111 Wait\r") for at in range(9, 200)])

    with pytest.raises(GaveUp, match="no answer to the page") as gave_up:
        session.transmit([BLOCK])

    assert gave_up.value.state is ReceiptState.UNKNOWN
    assert line.now_s == pytest.approx(SPECIFIED.t3_s + 3 * SPECIFIED.t5_s)


def test_a_lost_answer_is_unknown_and_the_terminal_is_freed(talk: Talk) -> None:
    line, session = talk.logged_on()

    with pytest.raises(GaveUp) as gave_up:
        session.transmit([BLOCK])

    assert (gave_up.value.state, gave_up.value.line_down) == (ReceiptState.UNKNOWN, True)
    assert line.written == [BLOCK, b"\x04\r"]
    assert line.now_s == pytest.approx(SPECIFIED.t3_s)


@pytest.mark.parametrize("said", [b"", GONE])
def test_an_answer_lost_before_the_last_block_is_a_failure(
    talk: Talk, said: bytes | LineError
) -> None:
    _, session = talk.logged_on(said)

    with pytest.raises(GaveUp) as gave_up:
        session.transmit([BLOCK, BLOCK])

    assert gave_up.value.state is ReceiptState.FAILED


def test_a_line_lost_after_the_block_is_unknown(talk: Talk) -> None:
    _, session = talk.logged_on(GONE)

    with pytest.raises(GaveUp, match="unplugged") as gave_up:
        session.transmit([BLOCK])

    assert (gave_up.value.state, gave_up.value.line_down) == (ReceiptState.UNKNOWN, True)


def test_a_terminal_has_its_time_from_when_the_block_has_left(talk: Talk) -> None:
    line, session = talk.logged_on([(SPECIFIED.t3_s + 6, b"211 Page accepted\r\x06\r")])
    line.pending_s = 7.0  # 210 characters at 300 baud

    assert session.transmit([BLOCK]) == "211 page accepted"


def test_a_terminal_that_hangs_up_with_211_has_the_page(talk: Talk) -> None:
    _, session = talk.logged_on(b"211 Page accepted\r\x1b\x04\r")

    assert session.transmit([BLOCK]) == "211 page accepted"
    assert session.is_over


def test_a_terminal_that_hangs_up_with_211_midway_has_no_page(talk: Talk) -> None:
    line, session = talk.logged_on(b"211 Page accepted\r\x1b\x04\r")

    with pytest.raises(GaveUp):
        session.transmit([BLOCK, BLOCK])

    assert line.written == [BLOCK]


@pytest.mark.parametrize(
    ("said", "words", "line_down"),
    [
        (b"\x1b\x04\r", "disconnected", True),
        (b"501 Slow\r\x1b\x04\r", "501 terminal waited", True),
        (b"511 Unknown\r\x1b\x04\r", "511 unknown pager id", False),
        (b"\x1e\r", "rejected", False),
        (b"SORRY\r\x1e\r", "SORRY", False),
        (b"513 Long\r\x1e\r", "513 text too long", False),
        (b"512 Later\r\x1e\r", "512 pager unavailable", False),
        (b"512 Later\r\x1b\x04\r", "512 pager unavailable", False),
        (b"516 Quota\r\x1e\r", "516 message quota", False),
    ],
)
def test_a_refused_page_has_failed(talk: Talk, said: bytes, words: str, line_down: bool) -> None:
    _, session = talk.logged_on(said)

    with pytest.raises(GaveUp, match=words) as gave_up:
        session.transmit([BLOCK])

    assert gave_up.value.state is ReceiptState.FAILED
    assert gave_up.value.line_down is line_down


@pytest.mark.parametrize(
    ("said", "took_s"),
    [(b"115 Bye\r\x1b\x04\r", 0), (b"", 4), ([(3.0, b"\x1b\x04\r")], 3)],
)
def test_logging_off(talk: Talk, said: Turn, took_s: float) -> None:
    line, session = talk.logged_on(said)

    session.log_off()

    assert line.written == [b"\x04\r"]
    assert session.late_rejection is None
    assert line.now_s == pytest.approx(took_s)


def test_a_late_rejection_survives_a_dropped_line(talk: Talk) -> None:
    _, session = talk.logged_on([(0, b"115 Bye\r511 Unknown\r\x1e\r"), (0, GONE)])

    with pytest.raises(LineError):
        session.log_off()

    assert session.late_rejection is not None
    assert session.late_rejection.detail == "511 unknown pager id"
    assert not session.late_rejection.line_down


def test_a_babbling_terminal_is_not_listened_to_for_ever(talk: Talk) -> None:
    line, session = talk.on([(at / 100, b"noise " * 50 + b"\r") for at in range(5000)])

    with pytest.raises(GaveUp, match="no ID="):
        session.log_on("")

    assert line.now_s == pytest.approx(6, abs=0.1)
