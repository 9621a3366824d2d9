"""The press filter on staff's own buttons: gestures instead of flags."""

import pytest

from gateway.config import Button, Inputs
from gateway.inputs.filter import PressFilter
from gateway.inputs.verdicts import (
    LineFault,
    LineHealed,
    Pressed,
    Released,
    SetupHeld,
    SetupStage,
    Verdict,
)
from gateway.model import ButtonKind, Label

MS = 1_000_000
S = 1_000 * MS

Hold = tuple[str, int, int]
"""A button, and between which milliseconds it is down."""


def panel() -> PressFilter:
    label = Label(ru="кнопка", en="button")
    return PressFilter(
        [Button(name=k.value, pin=pin, kind=k, label=label) for pin, k in enumerate(ButtonKind)],
        Inputs(),
    )


def verdicts_of(*holds: Hold) -> list[Verdict]:
    """What the filter says to these holds, once everything has come to rest."""
    press_filter = panel()
    edges = [(down_ms, name, True) for name, down_ms, _ in holds]
    edges += [(up_ms, name, False) for name, _, up_ms in holds]
    out: list[Verdict] = []
    for at_ms, name, active in sorted(edges):
        out += press_filter.edge(name, active=active, at_ns=at_ms * MS)
    return out + press_filter.advance(1000 * S)


def flags_of(verdicts: list[Verdict], button: str) -> list[str | None]:
    presses = [v.press for v in verdicts if isinstance(v, Pressed)]
    return [press.flag for press in presses if press.button == button]


@pytest.mark.parametrize(("held_ms", "long"), [(999, False), (1000, True)])
def test_an_acknowledge_button_tells_short_from_long(held_ms: int, long: bool) -> None:
    pressed, released = verdicts_of(("acknowledge", 1000, 1000 + held_ms))
    assert isinstance(pressed, Pressed)
    assert released == Released("acknowledge", (1000 + held_ms) * MS, held_ms * MS, long)


def test_the_release_is_told_as_soon_as_the_contact_is_at_rest() -> None:
    press_filter = panel()
    press_filter.edge("acknowledge", active=True, at_ns=1000 * MS)
    press_filter.edge("acknowledge", active=False, at_ns=1200 * MS)
    assert press_filter.next_deadline_ns == 1230 * MS


def test_buttons_of_staff_have_no_flags() -> None:
    # with a finger on a red, and eight times in less than two seconds
    holds = [("acknowledge", at_ms, at_ms + 100) for at_ms in range(1020, 2620, 200)]
    verdicts = verdicts_of(("very_unhappy", 1000, 3000), *holds)
    assert flags_of(verdicts, "acknowledge") == [None] * 8


def test_a_button_of_staff_makes_no_press_simultaneous() -> None:
    verdicts = verdicts_of(("acknowledge", 1000, 1500), ("happy", 1010, 1100))
    assert flags_of(verdicts, "happy") == [None]


def test_a_stuck_acknowledge_button_tells_no_release() -> None:
    verdicts = verdicts_of(("acknowledge", 1000, 21_000))
    assert [type(v) for v in verdicts] == [Pressed, LineFault, LineHealed]


@pytest.mark.parametrize(
    ("held_s", "stages"),
    [
        (9, []),
        (10, [SetupStage.PASSWORD_RESET]),
        (29, [SetupStage.PASSWORD_RESET]),
        (300, [SetupStage.PASSWORD_RESET, SetupStage.FACTORY_RESET]),
    ],
)
def test_a_setup_button_tells_its_stages_and_is_never_stuck(
    held_s: int, stages: list[SetupStage]
) -> None:
    pressed, *held, released = verdicts_of(("setup", 1000, (1 + held_s) * 1000))
    assert isinstance(pressed, Pressed)
    assert held == [
        SetupHeld("setup", (1 + after_s) * S, stage)
        for after_s, stage in zip((10, 30), stages, strict=False)
    ]
    last = stages[-1] if stages else None
    assert released == Released("setup", (1 + held_s) * S, held_s * S, long=True, stage=last)


@pytest.mark.parametrize("name", ["setup", "acknowledge"])
def test_a_gesture_needs_the_edge_that_begins_it(name: str) -> None:
    press_filter = panel()
    press_filter.begin(name, active=True, at_ns=1 * S)
    assert press_filter.advance(6 * S) == []
    assert press_filter.edge(name, active=False, at_ns=6 * S) == []
    assert press_filter.advance(100 * S) == []


def test_a_setup_button_that_is_short_circuited_at_waking_resets_nothing() -> None:
    press_filter = panel()
    press_filter.begin("setup", active=True, at_ns=1 * S)
    assert press_filter.next_deadline_ns is None
    assert press_filter.advance(100 * S) == []
