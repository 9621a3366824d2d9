"""Ten thousand guesses at the page, the real gateway behind it: few are looked at, nobody waits."""

import re
import threading
import time
from collections import Counter
from typing import Final

import pytest
from flask.testing import FlaskClient

from gateway.setup.messages import AddPerson
from tests.webui.live_shop import PASSWORD, LiveShop, said, visitor

GUESSES: Final = 10_000
BOARD_S: Final = 2.0
"""The longest that a board may take meanwhile, with everything in this one process."""
LOCKED: Final = r"Too many wrong tries\. Try again in [\w ]+\."


def guess(client: FlaskClient, name: str, pin: str) -> str:
    words = said(client, "/login", {"staff": name, "pin": pin})
    return re.sub(LOCKED, "locked", words)


@pytest.mark.timeout(600)
def test_ten_thousand_guesses(owner: FlaskClient, live: LiveShop) -> None:
    live.ask(AddPerson(name="Ann", pin="736251"))
    over = threading.Event()
    waits: list[float] = []
    answers: set[int] = set()

    def look_at_the_board() -> None:
        while not over.wait(0.1):
            began = time.monotonic()
            answers.add(owner.get("/board/alerts").status_code)
            waits.append(time.monotonic() - began)

    colleague = threading.Thread(target=look_at_the_board)
    colleague.start()
    try:
        guesser = visitor(live)
        for number in range(GUESSES):
            answer = guesser.post("/login", data={"staff": "Ann", "pin": f"{number:04}"})
            assert answer.status_code == 303
            if number % 200 == 0:  # who guesses does not read; a browser's cookie would only grow
                guesser = visitor(live)
    finally:
        over.set()
        colleague.join()
    assert answers == {200}
    assert len(waits) > 20
    assert max(waits) < BOARD_S
    assert guess(visitor(live), "Ann", "736251") == "locked"
    live.do(live.shop.stop_gateway())
    live.do(live.shop.start_gateway())
    afresh = visitor(live)  # and a page of its own
    assert guess(afresh, "Ann", "736251") == "locked"
    assert afresh.get("/settings").status_code == 303
    owner.get("/login")
    assert guess(visitor(live), "Olga", PASSWORD) == ""


def test_a_name_that_nobody_has_is_told_as_one_that_somebody_has(
    owner: FlaskClient,
    live: LiveShop,
) -> None:
    assert owner.get("/board").status_code == 200
    live.ask(AddPerson(name="Ann", pin="736251"))
    live.ask(AddPerson(name="Bob"))  # who has no PIN
    heard = {
        name: Counter(guess(visitor(live), name, "0000") for _ in range(8))
        for name in ("Ann", "Bob", "Nobody")
    }
    assert heard["Ann"] == heard["Bob"] == heard["Nobody"]
    assert heard["Ann"]["locked"] == 3
