"""Clients of a running gateway that remember what they were told, until it dies under them."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import msgspec

from gateway.client import Client, Unreachable
from gateway.errors import Refused
from gateway.messages import (
    Acknowledge,
    AlertView,
    Contact,
    GetAlerts,
    IssueGrant,
    Redeem,
    Request,
    Resolve,
    SimulatePress,
)
from gateway.messages import Login as SignIn
from gateway.model import AlertState, Outcome
from gateway.simulator.shop import PINS

BUTTONS: Final = ("exit-happy", "exit-very-unhappy", "hall-call", "exit-unhappy")
CUSTOMERS: Final = 20
PRESSES: Final = 3
OFFERS: Final = ("souvenir", "tokens")


class Press(msgspec.Struct, frozen=True):
    """A press that was answered: CLOCK_MONOTONIC of its edge and of the answer."""

    edge_ns: int
    answered_ns: int


class Told(msgspec.Struct):
    """What the gateway has acknowledged to its clients; each list has one writer.

    Attributes:
        presses: Answered ones. An answer to a press does not say that it is on disk.
        presses_asked: How many there can be.
        granted: Codes by request.
        requests: Every request that was sent, answered or not.
        redeemed: Codes that were handed over.
        alerts: What alerts were told to be, in the order of the answers.
        committed_ns: CLOCK_MONOTONIC of when the latest request was sent whose answer said that
            it is on disk: what was with the journal by then is on disk as well.
    """

    presses: list[Press] = []
    presses_asked: int = 0
    granted: dict[str, str] = {}
    requests: dict[str, IssueGrant] = {}
    redeemed: set[str] = set()
    alerts: list[tuple[str, AlertState]] = []
    committed_ns: int = 0


class Load:
    """Some clients at once; use it as `with`, around the gateway's death.

    Args:
        socket: The gateway's control socket.
        told: What they remember, from one life of the gateway to the next.
        chance: What they do.
    """

    def __init__(self, socket: Path, told: Told, chance: random.Random) -> None:
        self._socket: Final = socket
        self._told: Final = told
        self._stopping: Final = threading.Event()
        self._errors: Final[list[BaseException]] = []
        clients = (self._press, self._answer, self._grant, self._grant, self._redeem)
        self._threads: Final = [
            threading.Thread(
                target=self._live, args=(client, random.Random(chance.getrandbits(32)))
            )
            for client in clients
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _live(self, client: Callable[[Client, random.Random], None], chance: random.Random) -> None:
        try:
            with Client(self._socket) as connection:
                while not self._stopping.is_set():
                    client(connection, chance)
        except Unreachable:
            pass  # killed
        except BaseException as error:  # noqa: BLE001 - raised again where the load ends
            self._errors.append(error)

    def _committed(self, sent_ns: int) -> None:
        self._told.committed_ns = max(self._told.committed_ns, sent_ns)

    def _press(self, client: Client, chance: random.Random) -> None:
        count = chance.randint(1, PRESSES)
        self._told.presses_asked += count
        view = client.call(SimulatePress(button=chance.choice(BUTTONS), count=count))
        self._told.presses.append(Press(view.pressed_ns, time.monotonic_ns()))

    def _grant(self, client: Client, chance: random.Random) -> None:
        waiting = [name for name in [*self._told.requests] if name not in self._told.granted]
        if waiting and chance.random() < 0.5:
            # What was never answered is asked again: it must be the same grant.
            request = self._told.requests[chance.choice(waiting)]
        else:
            account = f"customer-{chance.randrange(CUSTOMERS)}"
            name = f"{chance.getrandbits(64):016x}"
            request = IssueGrant(
                request=name,
                offer=chance.choice(OFFERS),
                account=account,
                override="a proof promises more than any shop",
            )
            self._told.requests[name] = request
        sent_ns = time.monotonic_ns()
        view = client.call(request)
        self._committed(sent_ns)
        before = self._told.granted.setdefault(request.request, view.grant.code)
        assert before == view.grant.code, f"{request.request} was granted twice"

    def _redeem(self, client: Client, chance: random.Random) -> None:
        live = [code for code in [*self._told.granted.values()] if code not in self._told.redeemed]
        if not live:
            client.call(GetAlerts())
            return
        code = chance.choice(live)
        sent_ns = time.monotonic_ns()
        try:
            client.call(Redeem(code=code))
        except Refused as refusal:
            if refusal.code != "already_redeemed":  # before the kill, and the answer was lost
                raise
        else:
            self._committed(sent_ns)
        self._told.redeemed.add(code)

    def _answer(self, client: Client, chance: random.Random) -> None:
        if client.token is None:
            client.token = client.call(SignIn(staff="barista", pin=PINS["barista"])).token
        for view in client.call(GetAlerts()):
            alert = view.alert.id
            steps: dict[AlertState, list[Request[AlertView]]] = {
                AlertState.OPEN: [Acknowledge(alert=alert), Contact(alert=alert)],
                AlertState.ACKNOWLEDGED: [
                    Contact(alert=alert),
                    Resolve(alert=alert, outcome=Outcome.RECOVERED),
                ],
                AlertState.CONTACTED: [Resolve(alert=alert, outcome=Outcome.LEFT)],
            }
            sent_ns = time.monotonic_ns()
            answer = client.call(chance.choice(steps[view.alert.state]))
            self._committed(sent_ns)
            self._told.alerts.append((alert, answer.alert.state))
