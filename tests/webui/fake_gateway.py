"""A small gateway that speaks the real protocol from memory."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gateway import messages as say
from gateway.alerts.case import Act, Alert, Answer, PageNote
from gateway.clock import Stamp
from gateway.config import Offer
from gateway.errors import Refused
from gateway.grants.grant import Grant
from gateway.model import (
    AlertCause,
    AlertState,
    GrantState,
    Label,
    Language,
    OfferKind,
    Receipt,
    ReceiptState,
    Role,
)
from gateway.setup.device_messages import DevicesView, GetDevices
from gateway.status import Status
from gateway.sync.messages import LeaderBoardView
from tests.webui import fake_cases
from tests.webui.json_server import JsonServer

PINS = {"Anna": "1234", "Boris": "5678"}
ROLES = {"Anna": Role.STAFF, "Boris": Role.MANAGER}
WRONG_PINS = 3
OFFERS = (
    Offer(
        name="souvenir",
        kind=OfferKind.SOUVENIR,
        label=Label("Сувенир", "Souvenir"),
        severity=(1, 2),
        cost=1,
    ),
    Offer(
        name="coffee", kind=OfferKind.COUPON, label=Label("Кофе", "Free coffee"), severity=(2, 5)
    ),
)


STATUS: dict[str, Any] = msgspec.json.decode("""{
  "device": "box-1", "version": "1.2.3", "pid": 77, "open_alerts": 1,
  "buttons": [{"name": "exit", "kind": "very_unhappy", "zone": "hall", "pin": 17, "presses": 2,
    "flagged": 1, "state": "ok"}],
  "transmitters": [{"name": "main", "driver": "tap", "port": "/dev/ttyUSB0", "queued": 1,
    "sent": 5, "last_receipt": null, "state": "no answer for 60 s"}],
  "journal": {"path": "/j", "epoch": "e", "last_seq": 21, "bytes": 4096, "free_bytes": 2000000000,
    "waiting": 0, "state": "ok"},
  "uplink": {"kind": "none", "state": "ok", "cursor": 0, "backlog": 21, "quarantined": 0},
  "clock": {"boot": "b", "uptime_s": 3725, "wall": "2026-11-21T10:00:00Z", "synced": false}
}""")


def stamp(age_s: float = 0) -> Stamp:
    return Stamp("boot", time.monotonic_ns() - int(age_s * 1e9), time.time_ns(), synced=True)


class FakeGateway(JsonServer):
    """Holds alerts and grants in memory; `said` lists what it was asked, and by whom."""

    def __init__(self, path: Path, *, simulated: bool = False) -> None:
        self.lock = threading.RLock()
        self.alerts: dict[str, Alert] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, str] = {}
        self.wrong = 0
        self.faults: tuple[str, ...] = ()
        self.receipt = Receipt(ReceiptState.ACCEPTED)
        self.leader_boards: tuple[LeaderBoardView, ...] = ()
        self.said: list[tuple[str | None, say.Request[Any]]] = []
        self.refuse: dict[type[say.Request[Any]], Refused] = {}
        self.info = say.Info(
            shop="Corner shop",
            language=Language.EN,
            version="1.2.3",
            staff=tuple(PINS),
            simulated=simulated,
            claimed=True,
            set_up=True,
            life="1",
        )
        self.version = 0
        self.rung = threading.Condition(self.lock)
        self.subscribers = 0
        self.beat_s = 5.0
        super().__init__(path)

    # --- what tests do ---

    def raise_alert(self, name: str = "a1", *, age_s: float = 12, **changes: Any) -> Alert:
        at = stamp(age_s)
        note = PageNote("p1", "watch-1", 0, ReceiptState.ACCEPTED, "page accepted", "Red!", at)
        fields: dict[str, Any] = {"zone": "hall", "pages": (note,), **changes}
        alert = Alert(
            id=name,
            cause=AlertCause.RED,
            button="exit",
            raised=at,
            climbing=at,
            last_press=at,
            **fields,
        )
        with self.lock:
            self.alerts[name] = alert
        self.ring()
        return alert

    def issue(self, code: str = "ABCD-1234", *, alert: str | None = None) -> Grant:
        grant = Grant(
            code=code,
            request=code,
            offer="coffee",
            kind=OfferKind.COUPON,
            issued_by="Anna",
            issued=stamp(),
            expires=stamp(-86400),
            alert=alert,
        )
        with self.lock:
            self.grants[code] = grant
        self.ring()
        return grant

    def ring(self) -> None:
        with self.rung:
            self.version += 1
            self.rung.notify_all()

    def asked(self, kind: type[say.Request[Any]]) -> list[Any]:
        return [request for _, request in self.said if isinstance(request, kind)]

    # --- the protocol ---

    def converse(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        peer: str | None = "owner by process"
        while line := read():
            call = msgspec.json.decode(line, type=say.Call)
            if isinstance(call.request, say.Hello) and call.request.unprivileged:
                peer = None
            is_done = self.reply(write, call.id, partial(self._answer, call, peer))
            if isinstance(call.request, say.Subscribe) and is_done:
                self._ring_on(write)

    def _ring_on(self, write: Callable[[bytes], object]) -> None:
        with self.rung:
            self.subscribers += 1
            self.rung.notify_all()
            seen = self.version
        try:
            while True:
                with self.rung:
                    self.rung.wait_for(partial(self._is_newer, seen), self.beat_s)
                    seen = self.version
                write(msgspec.json.encode(say.Changed(version=seen)) + b"\n")
        finally:
            with self.rung:
                self.subscribers -= 1
                self.rung.notify_all()

    def _is_newer(self, seen: int) -> bool:
        return self.version != seen

    def _answer(self, call: say.Call, peer: str | None) -> object:
        with self.lock:
            if call.token is not None and call.token not in self.tokens:
                raise Refused("not_signed_in", "please sign in")
            who = self.tokens[call.token] if call.token else peer
            self.said.append((who, call.request))
            if refused := self.refuse.get(type(call.request)):
                raise refused
            if type(call.request).needs is not None and who is None:
                raise Refused("not_signed_in", "please sign in")
            return self._do(call.request, who or "", call.token)

    def _do(self, request: Any, who: str, token: str | None) -> object:
        act = Act(who, stamp())
        deeds: dict[type[say.Request[Any]], Callable[[], object]] = {
            say.Hello: lambda: self.info,
            say.Subscribe: lambda: say.Changed(version=self.version),
            say.Login: lambda: self._login(request),
            say.Logout: lambda: self.tokens.pop(token or "") and say.Done(),
            say.WhoAmI: lambda: say.Session(token=token or "", staff=who, role=ROLES[who]),
            say.GetAlerts: lambda: self._alerts(request.closed),
            say.Acknowledge: lambda: self._answered(request.alert, acknowledged=act),
            say.Contact: lambda: self._answered(request.alert, contacted=act),
            say.Resolve: lambda: self.change(
                request.alert, state=AlertState.RESOLVED, closed=act, outcome=request.outcome
            ),
            say.GetOffers: lambda: offers(request.severity),
            say.IssueGrant: lambda: self._grant(request, who),
            say.GetGrants: lambda: self._grants(request.state),
            say.GetStatus: self._status,
            say.SendPage: lambda: say.ReceiptView(
                page="p2", pager=request.to, text=request.text, receipt=self.receipt, ms=1
            ),
            **fake_cases.answers(self, request, who),
            GetDevices: lambda: DevicesView(pressed={}, faults=(), pagers=("watch-1",)),
        }
        return deeds[type(request)]()

    def _login(self, request: say.Login) -> say.Session:
        if self.wrong >= WRONG_PINS:
            raise Refused("locked_out", "too many wrong PINs: wait 30 s")
        if PINS.get(request.staff) != request.pin:
            self.wrong += 1
            raise Refused("bad_pin", "the name and the PIN do not fit")
        token = f"token-{len(self.said)}"
        self.tokens[token] = request.staff
        return say.Session(token=token, staff=request.staff, role=ROLES[request.staff])

    def _alerts(self, closed: int) -> list[say.AlertView]:
        live = [self.view(alert) for alert in self.alerts.values() if alert.is_live]
        ended = [self.view(alert) for alert in self.alerts.values() if not alert.is_live]
        return live + ended[::-1][:closed]

    def view(self, alert: Alert) -> say.AlertView:
        age_s = (time.monotonic_ns() - alert.raised.mono_ns) / 1e9
        is_open = alert.state is AlertState.OPEN
        return say.AlertView(
            alert=alert,
            age_s=age_s,
            next_page_s=max(0.0, 40 - age_s % 40) if is_open else None,
            undo_s=fake_cases.undo_s(alert),
            label_ru="Выход",
            label_en="Exit",
        )

    def _answered(self, name: str, **act: Act) -> say.AlertView:
        was = self.alerts[name].state if name in self.alerts else AlertState.OPEN
        state = AlertState.CONTACTED if "contacted" in act else AlertState.ACKNOWLEDGED
        return self.change(name, state=state, answer=Answer(was, None, None), **act)

    def change(self, name: str, **changes: Any) -> say.AlertView:
        if name not in self.alerts:
            raise Refused("unknown_alert", f"no live alert has the id {name}")
        self.alerts[name] = msgspec.structs.replace(self.alerts[name], **changes)
        self.ring()
        return self.view(self.alerts[name])

    def _grant(self, request: say.IssueGrant, who: str) -> say.GrantView:
        for grant in self.grants.values():
            if grant.request == request.request:
                return view_of(grant)
        issued = self.issue(f"GIFT-{len(self.grants):04}", alert=request.alert)
        issued = msgspec.structs.replace(
            issued,
            request=request.request,
            offer=request.offer,
            issued_by=who,
            account=request.account,
        )
        self.grants[issued.code] = issued
        return view_of(issued)

    def _grants(self, state: GrantState | None) -> list[say.GrantView]:
        kept = reversed(self.grants.values())
        return [view_of(grant) for grant in kept if state in (None, grant.state)]

    def redeem(self, code: str, who: str) -> say.GrantView:
        grant = self.grants.get(code.upper())
        if grant is None:
            raise Refused("unknown_code", "this shop knows no such code")
        if grant.state is GrantState.REDEEMED:
            raise Refused("already_redeemed", "redeemed already")
        self.grants[grant.code] = msgspec.structs.replace(
            grant, state=GrantState.REDEEMED, redeemed_by=who, redeemed=stamp()
        )
        self.ring()
        return view_of(self.grants[grant.code])

    def _status(self) -> Status:
        return msgspec.convert({**STATUS, "faults": self.faults}, Status)


def offers(severity: int | None) -> list[say.ProposedOffer]:
    return [
        say.ProposedOffer(offer=offer, why=Label("Подходит.", "It fits."))
        for offer in OFFERS
        if severity is None or offer.severity[0] <= severity <= offer.severity[1]
    ]


def view_of(grant: Grant) -> say.GrantView:
    offer = next(each for each in OFFERS if each.name == grant.offer)
    return say.GrantView(grant=grant, label_ru=offer.label.ru, label_en=offer.label.en)
