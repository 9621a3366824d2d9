"""The POCSAG function of a pager that names none: by convention 0 is numeric."""

import pytest

from gateway.config import Pager
from gateway.paging.drivers.base import Message
from gateway.paging.drivers.template import load_template


@pytest.mark.parametrize(
    ("charset", "function", "called"),
    [
        ("latin", None, 3),
        ("motorola_linguist", None, 3),
        ("numeric", None, 0),
        ("numeric", 3, 3),
        ("latin", 0, 0),
    ],
)
def test_the_function(charset: str, function: int | None, called: int) -> None:
    pager = Pager(name="p", address="101", charset=charset, function=function)
    assert pager.pocsag_function == called
    frame = load_template("comp2").frame(Message(pager, "5"))
    assert f"101{'ABCD'[called]}\r5\r".encode() in frame.data
