"""A small simulated shop that speaks the real protocol from memory."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gateway import messages as say
from gateway.errors import Refused
from gateway.simulator import messages as simulator
from tests.webui.fake_gateway import PINS, ROLES, FakeGateway
from tests.webui.json_server import JsonServer


class FakeShop(JsonServer):
    """The simulated shop's own socket: a press raises an alert and buzzes the watch."""

    BUTTONS = (
        ("smile", "very_happy", "Отлично", "Great"),
        ("fine", "happy", "Хорошо", "Good"),
        ("so-so", "neutral", "Так себе", "So-so"),
        ("poor", "unhappy", "Плохо", "Poor"),
        ("exit", "very_unhappy", "Ужасно", "Awful"),
        ("help", "call", "Позвать", "Call staff"),
    )

    def __init__(self, path: Path, gateway: FakeGateway) -> None:
        self.gateway = gateway
        self.buzzes: list[simulator.Buzz] = []
        self.verdicts: tuple[str, ...] = ("counted",)
        super().__init__(path)

    def converse(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        while line := read():
            raw = msgspec.json.decode(line)
            self.reply(write, raw["id"], partial(self._do, raw["request"]))

    def _do(self, request: dict[str, Any]) -> object:
        if request["op"] == "press":
            if request["button"] not in {button[0] for button in self.BUTTONS}:
                raise Refused("unknown_button", "the panel has no such button")
            self.gateway.raise_alert(f"press-{len(self.buzzes)}", age_s=0)
            self.buzzes.insert(0, simulator.Buzz(text="RED Exit hall", at=time.time()))
            return say.PressView(button=request["button"], verdicts=self.verdicts, pressed_ns=0)
        entry = simulator.LedgerEntry(
            account="shop-1",
            action="press_red",
            key="box-1.e.1",
            created_at="2026-11-21T10:00:00Z",
            experience=1,
            reward=0.25,
        )
        account = simulator.LedgerAccount(id="shop-1", balance="12.25", experience=7, level=1)
        return simulator.Shop(
            buttons=tuple(
                simulator.SimulatedButton(
                    name=name, kind=kind, label_ru=ru, label_en=en, zone="hall"
                )
                for name, kind, ru, en in self.BUTTONS
            ),
            watches=tuple(
                simulator.Watch(pager="w", address="1", worn_by=name, buzzes=tuple(self.buzzes))
                for name in PINS
            ),
            staff=tuple(
                simulator.SimulatedPerson(name=name, role=ROLES[name].value, pin=pin)
                for name, pin in PINS.items()
            ),
            accounts=(account,),
            ledger=(entry,) * len(self.buzzes),
        )
