import asyncio
from collections.abc import Iterator

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Button, Config, Device, Inputs, Shop
from gateway.inputs.pins import Pins
from gateway.model import ButtonKind, Label
from gateway.setup import learning
from gateway.setup.learning import SURE_READS, Found, Learner, Lesson, OpenPins, free_pins

BUTTON = Button(
    name="exit", pin=17, kind=ButtonKind.HAPPY, label=Label("Выход", "Exit"), led_pin=18
)


def config(*buttons: Button, inputs: Inputs | None = None) -> Config:
    return Config(
        device=Device(id="box"),
        shop=Shop(name="s", account="a"),
        buttons=buttons,
        inputs=inputs or Inputs(),
    )


class TestLearner:
    def test_finds_the_pin_that_was_pressed(self) -> None:
        learner = Learner({4: True, 5: True})
        found = [learner.read({4: True, 5: False}) for _ in range(SURE_READS)]
        assert found == [None] * (SURE_READS - 1) + [Found(5, normally_closed=False)]

    def test_tells_a_contact_that_opens(self) -> None:
        learner = Learner({4: False})
        for _ in range(SURE_READS - 1):
            learner.read({4: True})
        assert learner.read({4: True}) == Found(4, normally_closed=True)

    def test_a_pin_that_cannot_be_read_at_first_is_left_out(self) -> None:
        learner = Learner({4: True})
        for _ in range(SURE_READS * 2):
            assert learner.read({9: False}) is None

    @given(st.lists(st.booleans(), max_size=40))
    def test_only_a_level_that_stays_is_a_press(self, levels: list[bool]) -> None:
        learner = Learner({4: True})
        found = [learner.read({4: level}) for level in levels]
        first = next((at for at, one in enumerate(found) if one is not None), None)
        lows = "".join("1" if level else "0" for level in levels)
        at = lows.find("0" * SURE_READS)
        assert first == (None if at < 0 else at + SURE_READS - 1)


def test_free_pins_are_those_that_nothing_uses() -> None:
    free = free_pins(config(BUTTON, inputs=Inputs(fault_led_pin=21, buzzer_pin=22)))
    assert not {0, 1, 14, 15, 17, 18, 21, 22} & set(free)
    assert {2, 3, 4, 16, 27} <= set(free)


@pytest.fixture
def pins() -> Iterator[Pins]:
    factory = MockFactory()
    yield Pins(factory)
    factory.reset()


class TestLesson:
    async def test_ends_with_the_press_and_gives_the_pins_back(self, pins: Pins) -> None:
        ended = asyncio.Event()
        lesson = Lesson(OpenPins(pins, (4, 5)), ended.set)
        await asyncio.sleep(0)
        assert lesson.left_s > 50
        pins.factory.pin(5).drive_low()
        await asyncio.wait_for(ended.wait(), 5)
        assert lesson.found == Found(5, normally_closed=False)
        await lesson.stop()
        assert lesson.left_s == 0
        OpenPins(pins, (4, 5)).close()  # they can be claimed again

    async def test_stops_by_itself_after_its_time(
        self, pins: Pins, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(learning, "LEARN_S", 0.05)
        ended = asyncio.Event()
        lesson = Lesson(OpenPins(pins, (4,)), ended.set)
        await asyncio.wait_for(ended.wait(), 5)
        assert lesson.found is None
        await lesson.stop()
        assert lesson.left_s == 0

    async def test_a_placed_button_is_told_and_does_not_end_it(self, pins: Pins) -> None:
        rings: list[None] = []
        lesson = Lesson(OpenPins(pins, (4,)), lambda: rings.append(None))
        lesson.press_placed(BUTTON)
        assert lesson.placed is BUTTON
        assert lesson.left_s > 50
        await lesson.stop()
        lesson.press_placed(BUTTON)
        assert len(rings) == 1

    async def test_pins_that_others_hold_are_left_out(self, pins: Pins) -> None:
        held = pins.output(4)
        sense = OpenPins(pins, (4, 5))
        assert sense.levels() == {5: True}
        sense.close()
        held.close()
