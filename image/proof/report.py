"""Looking at something, saying what holds, and ending with the first thing that does not."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from gateway.errors import Refused

T = TypeVar("T")

ANSWER_S: Final = 120.0
LOOK_S: Final = 0.5
_FIXED: Final = {"LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1"}
_began: Final = time.monotonic()


class Failed(Exception):
    """A promise is not kept; the message says which, and what was found."""


def run(*words: str | Path, timeout_s: float = ANSWER_S, fed: str | None = None) -> str:
    """What a program said.

    Args:
        words: The program and its arguments.
        timeout_s: How long it may take.
        fed: What it reads from its standard input; None: nothing.

    Raises:
        Failed: It failed, or took too long.
    """
    try:
        done = subprocess.run(
            [str(word) for word in words],
            capture_output=True,
            text=True,
            input=fed or "",
            timeout=timeout_s,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", **_FIXED},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{words[0]} …: no end after {timeout_s:.0f} s") from error
    if done.returncode:
        raise Failed(f"{words[0]} …: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def until(ask: Callable[[], T], what: str, patience_s: float = ANSWER_S) -> T:
    """The first true answer; a box that is busy may refuse one, and is asked again.

    Raises:
        Failed: There is none in time.
    """
    end = time.monotonic() + patience_s
    said = ""
    while time.monotonic() < end:
        try:
            if answer := ask():
                return answer
        except (Failed, OSError, Refused) as error:
            said = f" ({error})"
        time.sleep(LOOK_S)
    raise Failed(f"waited {patience_s:.0f} s in vain: {what}{said}")


def holds(what: str) -> None:
    """Say that a promise is kept."""
    print(f"[{time.monotonic() - _began:4.0f} s] {what}", flush=True)


def expect(found: object, wanted: object, what: str) -> None:
    """Compare.

    Raises:
        Failed: It is another.
    """
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")
    holds(what)


def demand(fact: object, what: str) -> None:
    """See that something is so.

    Raises:
        Failed: It is not.
    """
    if not fact:
        raise Failed(f"not true: {what}")
    holds(what)
