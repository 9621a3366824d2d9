"""What the box shows to the people at the buttons: LEDs and a buzzer.

Nothing here waits and there are no threads: the caller's loop calls `advance` at
`next_deadline_ns`.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, Protocol

from gateway.config import Button, Inputs
from gateway.inputs import patterns
from gateway.inputs.patterns import Pattern
from gateway.inputs.verdicts import Pressed, Released, Verdict
from gateway.model import ButtonKind, Press, PressFlag


class Output(Protocol):
    """An LED or a buzzer."""

    def set(self, *, on: bool) -> None:
        """Switch it."""
        ...


class State(Enum):
    """What the fault LED tells."""

    BOOTING = patterns.BOOTING
    UNCLAIMED = patterns.UNCLAIMED
    FINE = patterns.FINE
    NO_SERVER = patterns.NO_SERVER
    TRANSMITTER_FAULT = patterns.TRANSMITTER_FAULT
    BUTTON_FAULT = patterns.BUTTON_FAULT


def state_of(
    *, is_ready: bool, ill: Callable[[str], bool], is_claimed: bool, is_server_reached: bool
) -> State:
    """The worst thing first: what stops a page, then a button, then the way to the server.

    Before somebody owns the box there is nobody to tell of a fault: what it needs is its owner.

    Args:
        is_ready: Whether the gateway has found its journal and answers.
        ill: Whether a part whose name begins like this has a fault.
        is_claimed: Whether somebody owns the box.
        is_server_reached: Whether there is no server, or it answers.
    """
    if not is_ready:
        return State.BOOTING
    if not is_claimed:
        return State.UNCLAIMED
    if ill("transmitter/"):
        return State.TRANSMITTER_FAULT
    if ill("button/") or ill("input/"):
        return State.BUTTON_FAULT
    return State.FINE if is_server_reached else State.NO_SERVER


class _Player:
    """Plays patterns on one output, which is off to begin with."""

    def __init__(self, output: Output) -> None:
        self._output: Final = output
        self._pattern: Pattern | None = None
        self._began_ns = 0
        self._on = False
        self.deadline_ns: int | None = None

    def play(self, pattern: Pattern, *, began_ns: int, now_ns: int) -> None:
        """Play from the beginning, of which a part may already be in the past."""
        self._pattern, self._began_ns = pattern, began_ns
        self.advance(now_ns)

    def stop(self) -> None:
        self._pattern = self.deadline_ns = None
        self._switch(on=False)

    def advance(self, now_ns: int) -> None:
        if self._pattern is None:
            return
        elapsed_ns = max(0, now_ns - self._began_ns)
        change_ns = patterns.next_change_ns(self._pattern, elapsed_ns)
        self.deadline_ns = None if change_ns is None else self._began_ns + change_ns
        self._switch(on=patterns.level_at(self._pattern, elapsed_ns))

    def _switch(self, *, on: bool) -> None:
        if on != self._on:
            self._output.set(on=on)
            self._on = on


class Indicators:
    """The LEDs of the buttons, the fault LED and the buzzer.

    The customer sees that a press has registered: the button's LED lights up for a moment, the
    same whether the press counts or not. A red is discreet: nothing sounds. A set-up button that
    has no LED of its own counts on the fault LED, which tells its state again afterwards.

    Args:
        buttons: The configured buttons; others without `led_pin` show nothing.
        inputs: The pins of the fault LED and the buzzer, if there are any.
        output: Claims an output pin.
    """

    def __init__(
        self, buttons: Iterable[Button], inputs: Inputs, output: Callable[[int], Output]
    ) -> None:
        buttons = tuple(buttons)

        def player(pin: int | None) -> _Player | None:
            return None if pin is None else _Player(output(pin))

        self._leds: Final = {b.name: led for b in buttons if (led := player(b.led_pin))}
        self._fault: Final = player(inputs.fault_led_pin)
        self._buzzer: Final = player(inputs.buzzer_pin)
        self._counters: Final = {
            b.name: counter
            for b in buttons
            if b.kind is ButtonKind.SETUP and (counter := self._leds.get(b.name, self._fault))
        }
        self._held: Final[set[str]] = set()
        self._state: State | None = None

    def _players(self) -> list[_Player]:
        common = [player for player in (self._fault, self._buzzer) if player]
        return [*self._leds.values(), *common]

    def show(self, verdict: Verdict, now_ns: int) -> None:
        """Answer a verdict of the press filter."""
        match verdict:
            case Pressed(press=press, at_ns=at_ns):
                self._show_press(press, at_ns, now_ns)
            case Released(button=button) if button in self._held:
                self._stop_counting(button, now_ns)
            case _:
                pass  # faults are the fault LED's

    def _show_press(self, press: Press, at_ns: int, now_ns: int) -> None:
        if press.flag in (PressFlag.GLITCH, PressFlag.STUCK):
            return  # nobody is there to see it
        if counter := self._counters.get(press.button):
            self._held.add(press.button)
            counter.play(patterns.COUNTING, began_ns=at_ns, now_ns=now_ns)
        elif led := self._leds.get(press.button):
            led.play(patterns.REGISTERED, began_ns=now_ns, now_ns=now_ns)
        if self._buzzer and press.flag is None and not press.kind.is_red:
            self._buzzer.play(patterns.CHIRP, began_ns=now_ns, now_ns=now_ns)

    def _stop_counting(self, button: str, now_ns: int) -> None:
        self._held.discard(button)
        counter = self._counters[button]
        if self._is_counting(counter):
            return  # another one is still held
        counter.stop()
        if counter is self._fault:
            self._tell_state(now_ns)

    def _is_counting(self, player: _Player | None) -> bool:
        return any(self._counters[button] is player for button in self._held)

    @property
    def lights(self) -> tuple[str, ...]:
        """The buttons that have an LED."""
        return tuple(self._leds)

    @property
    def has_buzzer(self) -> bool:
        """Whether there is a buzzer."""
        return self._buzzer is not None

    def try_signal(self, button: str | None, now_ns: int) -> bool:
        """Flash a button's LED, or sound the buzzer; whether there is one."""
        player = self._buzzer if button is None else self._leds.get(button)
        if player is None:
            return False
        pattern = patterns.TRIAL_SOUND if button is None else patterns.TRIAL
        player.play(pattern, began_ns=now_ns, now_ns=now_ns)
        return True

    def set_state(self, state: State, now_ns: int) -> None:
        """Tell a state on the fault LED; the one that it tells already goes on undisturbed."""
        if state is self._state:
            return
        self._state = state
        if not self._is_counting(self._fault):
            self._tell_state(now_ns)

    def _tell_state(self, now_ns: int) -> None:
        if self._fault and self._state:
            self._fault.play(self._state.value, began_ns=now_ns, now_ns=now_ns)

    def advance(self, now_ns: int) -> None:
        """Bring every output to where it should be."""
        for player in self._players():
            player.advance(now_ns)

    @property
    def next_deadline_ns(self) -> int | None:
        """When `advance` is to be called next, None while nothing blinks."""
        deadlines = [player.deadline_ns for player in self._players()]
        return min((ns for ns in deadlines if ns is not None), default=None)
