"""No driver can take so long for one part of a page that its thread is taken for stuck.

Each bound is of equipment that answers as late, refuses as often and puts off as often as the
driver lets it, on the slowest line that the equipment is used on.
"""

import math
import time
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import pytest

from gateway.config import Pager
from gateway.config.values import BAUDS
from gateway.errors import LineError
from gateway.model import Priority
from gateway.paging.drivers import espa_link, ev1527, mmdvm, rfxtrx433, sonoff_efm8, tap_session
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.espa_codec import MOST_ADDRESS, MOST_MESSAGE, call
from gateway.paging.drivers.tap_codec import MOST_INFORMATION, blocks
from gateway.paging.drivers.template import load_template, shipped_templates
from gateway.paging.transmitter import STUCK_S
from tests.paging.drivers.test_tap_session import ScriptedLine

if TYPE_CHECKING:
    from gateway.paging.drivers.line import Line

Said: TypeAlias = tuple[float, bytes | LineError]

LONGEST_TEXT: Final = "x" * 240  # the most that a pager's `max_chars` may be
CHARACTER_S: Final = 12 / min(BAUDS)  # 8E2
LINE_S: Final = 62.0
"""For flow control that lets each of sixteen writes through only just in its 2 s, and closing: so
long does Linux wait for bytes that are held up (30 s, closing_wait in setserial(8))."""

ACK, NAK, PROMPT = b"\x06\r", b"\x15\r", b"ID="


def test_tap_with_the_most_blocks_of_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = b"111 Busy\r"
    put_off: list[Said] = [(9.9, busy), (17.9, busy), (25.9, busy)]
    crossed: list[Said] = [(10.0, PROMPT)]
    logons = [*[[*crossed, (11.0, NAK)]] * 3, [*crossed, (11.0, ACK), (21.0, b"\x1b[p\r")]]
    taken_last = [*[[*put_off, (34.0, NAK)]] * 3, [*put_off, (34.0, ACK)]]
    sent = blocks(("1" * 100, LONGEST_TEXT))
    gone: list[Said] = [(4.0, b"\x1e\r"), (8.0, b"\x1b\x04\r")]
    line = ScriptedLine([], [], [(2.0, PROMPT)], *logons, *taken_last * len(sent), gone)
    monkeypatch.setattr(tap_session, "time", line)
    session = tap_session.Session(cast("Line", line), tap_session.SPECIFIED)
    session.log_on("")
    session.transmit(sent)
    session.log_off()
    assert session.late_rejection is not None
    assert len(line.written) == 3 + 4 + 4 * len(sent) + 1, "nothing was cut short"
    wire_s = 4 * len(sent) * (MOST_INFORMATION + 6) * CHARACTER_S
    assert line.now_s + wire_s + LINE_S < STUCK_S


def test_espa() -> None:
    timers = espa_link.SPECIFIED
    poll_s, status_s = 10.0, 60.0  # the most that can be configured
    block = call("1" * MOST_ADDRESS, "x" * MOST_MESSAGE, Priority.ALARM)
    tries = 1 + timers.retries
    select_s = tries * (timers.answer_s + 6 * CHARACTER_S) + timers.retries * poll_s
    offer_s = timers.answer_s + (len(block) + 2) * CHARACTER_S
    transmit_s = select_s + tries * offer_s + timers.retries * (poll_s + select_s)
    ask_s = 2 * poll_s + 5 * CHARACTER_S + timers.control_s
    followed_s = max(timers.polls * ask_s, status_s + ask_s)
    assert transmit_s + followed_s + LINE_S < STUCK_S


def test_mmdvm() -> None:
    timers = mmdvm.HARDWARE_TIMERS
    pager = Pager(name="one", address="1234567")
    batches = mmdvm._batches(Message(pager, LONGEST_TEXT))
    page = mmdvm._OnePage(cast("mmdvm._Modem", None), timers, time.sleep, batches)
    asked_s = timers.reply_tries * timers.reply_s  # at 115200 bit/s the line takes no time
    # Each poll may be followed by a batch that is refused, which its status tells.
    polled_s = page._polls * (timers.poll_s + 2 * asked_s)
    assert polled_s + (len(batches) + 2) * asked_s + LINE_S < STUCK_S


@pytest.mark.parametrize("name", shipped_templates())
def test_template(name: str) -> None:
    template = load_template(name)
    line, reply = template.line, template.reply
    once_s = 2 * line.cts_wait_s + reply.wait_s + reply.transmitted_wait_s
    once_s += 2 * len(LONGEST_TEXT) * CHARACTER_S
    total_s = (1 + reply.retries) * once_s + reply.retries * reply.retry_pause_s
    assert total_s + LINE_S < STUCK_S


@pytest.mark.parametrize("hardware", ev1527.HARDWARE)
def test_ev1527(hardware: str) -> None:
    bursts = math.ceil(ev1527.MAX_REPEATS / ev1527.HARDWARE[hardware].frames_per_burst)
    answer_s = max(rfxtrx433._TRANSMIT_S, sonoff_efm8._SENT_S)
    assert bursts * answer_s + LINE_S < STUCK_S
