"""The wizard behind the control socket: claim, steps, learning a button, the test page."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.access import Access, check_pin
from gateway.clock import Clock
from gateway.config import Config
from gateway.config.edit import Edit
from gateway.control import Asker
from gateway.errors import Refused
from gateway.events import Deed
from gateway.files import write_atomic
from gateway.floor import Floor
from gateway.guard.told import Tell
from gateway.inputs.pins import Pins
from gateway.inputs.verdicts import Pressed
from gateway.model import Page, Priority, Receipt, ReceiptState, Role
from gateway.paging import watch_codes
from gateway.request import Done, Request, Session
from gateway.setup import messages, ports, steps
from gateway.setup.changes import Changes
from gateway.setup.claim import ClaimCode
from gateway.setup.learning import LEARN_S, Lesson, OpenPins, free_pins
from gateway.setup.messages import SetupStep, SetupView, StepState
from gateway.setup.progress import KEYS, Progress

PASSWORD_LEAST: Final = 8
PRESS_S: Final = 0.15
PAGE_S: Final = 60.0
_TOKEN_CHARS: Final = 4096


class SetupService:
    """Answers what the wizard asks.

    Args:
        config: What the gateway runs on.
        clock: The time.
        pins: Where buttons are learned from.
        floor: Sends the test page, and tells presses of placed buttons.
        access: Makes the owner.
        changes: Writes the settings.
        on_change: Called after anything that the wizard shows has changed.
        tell: Keeps who did what, beside the settings.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        pins: Pins,
        floor: Floor,
        access: Access,
        changes: Changes,
        on_change: Callable[[], None],
        tell: Tell,
    ) -> None:
        self._config: Final = config
        self._clock: Final = clock
        self._pins: Final = pins
        self._floor: Final = floor
        self._access: Final = access
        self._changes: Final = changes
        self._on_change: Final = on_change
        self._tell: Final = tell
        self._state: Final = Path(config.paths.state)
        self._code: Final = ClaimCode(self._state)
        self._progress: Final = Progress(self._state / "setup.json")
        self._claiming: Final = asyncio.Lock()
        self._learning_anew: Final = asyncio.Lock()
        self._lesson: Lesson | None = None
        self._page: messages.PageTry | None = None
        self._sending: asyncio.Task[None] | None = None
        self._floor.watch_presses(self._pressed)

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            messages.Claim: self._claim,
            messages.GetSetup: self._get,
            messages.MarkStep: self._mark,
            messages.UndoStep: self._undo,
            messages.SetShop: self._set_shop,
            messages.SetTransmitter: self._set_transmitter,
            messages.TryPage: self._try_page,
            messages.LearnButton: self._learn,
            messages.PlaceButton: self._place,
            messages.RemoveButton: self._remove_button,
            messages.AddPerson: self._add_person,
            messages.RemovePerson: self._remove_person,
            messages.SetServer: self._set_server,
            messages.FinishSetup: self._finish,
            messages.PressPin: self._press_pin,
            **self._changes.handlers(),
        }

    @property
    def is_finished(self) -> bool:
        """Whether set-up is over."""
        return self._progress.is_finished

    async def close(self) -> None:
        """Give the pins back."""
        if self._lesson is not None:
            await self._lesson.stop()
        if self._sending is not None:
            self._sending.cancel()

    # --- the owner -------------------------------------------------------------------------

    async def _claim(self, request: messages.Claim, asker: Asker) -> Session:
        name = request.name.strip()
        async with self._claiming:
            if self._access.is_claimed:
                raise Refused("claimed", "this box has an owner: sign in")
            await self._access.check_guess("claim", right=self._code.fits(request.code))
            if len(request.password) < PASSWORD_LEAST:
                raise Refused("weak_password", f"at least {PASSWORD_LEAST} characters")
            check_pin(request.password)
            edits = steps.claim(self._changes.written(), name, request.language)
            await self._changes.step(edits, name)
            await self._access.set_pin(name, request.password)
            await self._tell(msgspec.structs.replace(asker, name=name), Deed.PIN_SET, name)
        session = await self._access.login(name, request.password)
        self._on_change()
        return Session(token=session.token, staff=name, role=Role.OWNER)

    # --- the view --------------------------------------------------------------------------

    async def _get(self, _: messages.GetSetup, __: Asker) -> SetupView:
        return await self._view()

    async def _view(self) -> SetupView:
        written = self._changes.written()
        found = await asyncio.to_thread(ports.list_all, self._simulated_ports())
        return SetupView(
            finished=self._progress.is_finished,
            current=self._progress.current,
            states={step: self._progress.state(step) for step in SetupStep},
            applied=self._changes.applied,
            shop=written.shop,
            transmitters=written.transmitters,
            pagers=written.pagers,
            buttons=written.buttons,
            staff=written.staff,
            uplink=str(written.uplink.__struct_config__.tag),
            ports=found,
            free_pins=free_pins(written),
            learning=self._learning(written),
            page=self._page,
        )

    def _simulated_ports(self) -> Path | None:
        return self._state / ports.SIMULATED if self._config.inputs.simulated else None

    # --- steps -----------------------------------------------------------------------------

    async def _mark(self, request: messages.MarkStep, _: Asker) -> SetupView:
        await asyncio.to_thread(self._progress.set, request.step, request.state)
        return await self._changed()

    async def _undo(self, request: messages.UndoStep, asker: Asker) -> SetupView:
        before = self._progress.before(request.step)
        if before is not None:
            edits = steps.undo(self._changes.written(), KEYS[request.step], before)
            await self._changes.step(edits, asker.name)
        await asyncio.to_thread(self._progress.undone, request.step)
        return await self._changed()

    async def _do(self, step: SetupStep, edits: Sequence[Edit], asker: Asker) -> None:
        tables = self._changes.tables()
        await self._changes.step(edits, asker.name)
        await asyncio.to_thread(self._progress.touch, step, tables)

    async def _changed(self) -> SetupView:
        self._on_change()
        return await self._view()

    async def _set_shop(self, request: messages.SetShop, asker: Asker) -> SetupView:
        await self._do(SetupStep.SHOP, steps.shop(request), asker)
        await asyncio.to_thread(self._progress.set, SetupStep.SHOP, StepState.DONE)
        return await self._changed()

    async def _set_transmitter(self, request: messages.SetTransmitter, asker: Asker) -> SetupView:
        edits = steps.transmitter(self._changes.written(), request, watch_codes.draw)
        await self._do(SetupStep.TRANSMITTER, edits, asker)
        await asyncio.to_thread(self._progress.set, SetupStep.TRANSMITTER, StepState.OPEN)
        self._page = None
        return await self._changed()

    async def _add_person(self, request: messages.AddPerson, asker: Asker) -> SetupView:
        edits = steps.add_person(self._changes.written(), request, watch_codes.draw)
        if request.pin:
            check_pin(request.pin)
        await self._do(SetupStep.STAFF, edits, asker)
        if request.pin:
            await self._access.set_pin(request.name.strip(), request.pin)
            await self._tell(asker, Deed.PIN_SET, request.name.strip())
        return await self._changed()

    async def _remove_person(self, request: messages.RemovePerson, asker: Asker) -> SetupView:
        edits = steps.remove_person(self._changes.written(), request.name)
        await self._do(SetupStep.STAFF, edits, asker)
        return await self._changed()

    async def _set_server(self, request: messages.SetServer, asker: Asker) -> SetupView:
        token = request.token.strip()
        if not token or len(token) > _TOKEN_CHARS or not token.isprintable():
            raise Refused("not_valid", "the token is one line of text")
        path = self._state / "achivx.token"
        before = self._changes.tables().get("uplink")
        # The address first: where it is refused, the token of the server of before stands.
        await self._do(SetupStep.SERVER, steps.server(request.address, str(path)), asker)
        try:
            await asyncio.to_thread(write_atomic, path, f"{token}\n".encode())
        except OSError as error:
            await self._changes.step([Edit(("uplink",), before)], asker.name)
            raise Refused("not_kept", f"the token cannot be kept: {error}") from error
        await self._tell(asker, Deed.TOKEN_SET, request.address)
        await asyncio.to_thread(self._progress.set, SetupStep.SERVER, StepState.DONE)
        return await self._changed()

    async def _finish(self, _: messages.FinishSetup, __: Asker) -> Done:
        await asyncio.to_thread(self._progress.finish)
        self._on_change()
        return Done()

    # --- the test page ---------------------------------------------------------------------

    async def _try_page(self, _: messages.TryPage, __: Asker) -> SetupView:
        if not self._config.pagers or not self._config.transmitters:
            raise Refused("needs_pager", "set up a transmitter and a pager first")
        if self._sending is None or self._sending.done():
            text = f"ACHIVX TEST {secrets.randbelow(900) + 100}"
            self._page = messages.PageTry(text=text, receipt=None)
            self._sending = asyncio.create_task(self._send(text), name="test page")
        return await self._changed()

    async def _send(self, text: str) -> None:
        page = Page(
            id=f"test.{secrets.token_hex(6)}",
            pager=self._config.pagers[0].name,
            text=text,
            priority=Priority.NORMAL,
        )
        try:
            receipt = await self._floor.send(page, PAGE_S)
        except TimeoutError:
            receipt = Receipt(ReceiptState.FAILED, "no answer from the transmitter")
        self._page = messages.PageTry(text=text, receipt=receipt)
        self._on_change()

    # --- buttons ---------------------------------------------------------------------------

    async def _learn(self, request: messages.LearnButton, _: Asker) -> messages.Learning:
        ended = asyncio.Event()

        def end() -> None:
            ended.set()
            self._on_change()

        async with self._learning_anew:  # two browsers must not both hold the pins
            if self._lesson is not None:
                await self._lesson.stop()
            self._lesson = Lesson(OpenPins(self._pins, free_pins(self._config)), end)
        if request.wait_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), min(request.wait_s, LEARN_S))
        return self._learning(self._changes.written())

    def _learning(self, written: Config) -> messages.Learning:
        lesson = self._lesson
        if lesson is None:
            return messages.Learning()
        if lesson.found is None:
            placed = None if lesson.placed is None else lesson.placed.name
            return messages.Learning(left_s=lesson.left_s, placed=placed)
        there = (each.name for each in written.buttons if each.pin == lesson.found.pin)
        return messages.Learning(
            pin=lesson.found.pin,
            normally_closed=lesson.found.normally_closed,
            placed=next(there, None),
        )

    def _pressed(self, verdict: Pressed) -> None:
        if self._lesson is not None:
            placed = verdict.press.button
            self._lesson.press_placed(
                next(each for each in self._config.buttons if each.name == placed)
            )

    async def _place(self, request: messages.PlaceButton, asker: Asker) -> SetupView:
        edits = steps.place(self._changes.written(), request)
        await self._do(SetupStep.BUTTONS, edits, asker)
        await self._learn(messages.LearnButton(), asker)  # the next one can be pressed at once
        return await self._changed()

    async def _remove_button(self, request: messages.RemoveButton, asker: Asker) -> SetupView:
        edits = steps.remove_button(self._changes.written(), request.name)
        await self._do(SetupStep.BUTTONS, edits, asker)
        return await self._changed()

    async def _press_pin(self, request: messages.PressPin, _: Asker) -> Done:
        if not self._config.inputs.simulated:
            raise Refused("not_simulated", "these are real pins: press what is wired to them")
        if request.pin not in range(28):
            raise Refused("bad_request", "pins go from 0 to 27")
        pin = self._pins.factory.pin(request.pin)
        rests_high = bool(pin.state) if pin.function == "input" else True
        press, let_go = (
            (pin.drive_low, pin.drive_high) if rests_high else (pin.drive_high, pin.drive_low)
        )
        press()
        await asyncio.sleep(PRESS_S)
        let_go()
        return Done()
