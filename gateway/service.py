"""What the control socket's requests do: each one a few lines over the rooms that do the work."""

import asyncio
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from gateway import __version__, messages, overview, shown
from gateway.access import Access
from gateway.alerts import hours
from gateway.alerts.case import Alert
from gateway.clock import Clock
from gateway.config import Cause, Config
from gateway.config.settings import Settings
from gateway.control import Asker
from gateway.customers.rule import CustomerRule
from gateway.errors import Refused
from gateway.events import Record, SettingsChanged
from gateway.faults import Faults
from gateway.floor import KEEP_S, Floor
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.grants.playbook import CAUSES, cause_named, proposals
from gateway.inputs.verdicts import Pressed
from gateway.journal import reading, views
from gateway.journal.store import Journal
from gateway.messages import AlertView, GrantView, Request
from gateway.model import GrantState, Page, Priority, Role
from gateway.paging import charsets
from gateway.paging.lane import PageLane
from gateway.paging.text import NUMERIC_CODES
from gateway.simulator.panel import Panel, press
from gateway.status import GrantsStatus, Status
from gateway.sync.uplink import Uplink
from gateway.watchman import Watchman

PAGE_S: Final = 60.0
PRESSES_MOST: Final = 50
CLOSED_MOST: Final = 200
RECORDS_MOST: Final = 1000

T = TypeVar("T")
Handler = Callable[[Any, Asker], Awaitable[object]]


class BoxService:
    """Answers every request with what the box knows and can do.

    Args:
        config: What is in force.
        clock: The time.
        floor: Alerts and pages.
        lane: The transmitters.
        journal: What happened.
        grants: Issues and redeems.
        access: PINs and sessions.
        settings: The settings file.
        faults: What does not work.
        uplink: The way to the server, None when there is none.
        panel: Presses simulated pins; None on real ones.
        watchman: Knows of the daily test.
        is_set_up: Whether set-up is over.
        more: What answers the requests of other rooms.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        floor: Floor,
        lane: PageLane,
        journal: Journal,
        grants: GrantDesk,
        access: Access,
        settings: Settings,
        faults: Faults,
        uplink: Uplink | None,
        panel: Panel | None,
        watchman: Watchman,
        is_set_up: Callable[[], bool],
        more: Mapping[type[Request[Any]], Handler],
    ) -> None:
        self._config: Final = config
        self._clock: Final = clock
        self._floor: Final = floor
        self._lane: Final = lane
        self._journal: Final = journal
        self._grants: Final = grants
        self._access: Final = access
        self._settings: Final = settings
        self._faults: Final = faults
        self._uplink: Final = uplink
        self._panel: Final = panel
        self._watchman: Final = watchman
        self._is_set_up: Final = is_set_up
        self._rule: Final = CustomerRule(config.customers)
        self._pressing: Final = asyncio.Lock()
        self._life: Final = secrets.token_hex(8)
        self._handlers: Final[dict[type[Request[Any]], Handler]] = {
            messages.Hello: self._hello,
            messages.Login: self._login,
            messages.Logout: self._logout,
            messages.WhoAmI: self._who_am_i,
            messages.GetStatus: lambda *_: self.status(),
            messages.GetAlerts: self._alerts,
            messages.Acknowledge: self._acknowledge,
            messages.Contact: self._contact,
            messages.GetOffers: self._offers,
            messages.GetCauses: self._causes,
            messages.GetStaff: self._staff,
            messages.IssueGrant: self._issue,
            messages.GetGrants: self._list_grants,
            messages.Redeem: self._redeem,
            messages.UndoRedeem: self._undo,
            messages.VoidGrant: self._void,
            messages.SimulatePress: self._press,
            messages.SendPage: self._page,
            messages.ConfirmTest: self._confirm_test,
            messages.GetButtons: self._buttons,
            messages.GetRecords: self._records,
            messages.GetSettings: self._get_settings,
            messages.PutSettings: self._put_settings,
            **more,
        }

    def session_asker(self, token: str) -> Asker:
        """See `control.Service`."""
        session = self._access.session(token)
        return Asker(session.staff, session.role, "page", token)

    async def answer(self, request: Request[Any], asker: Asker) -> object:
        """See `control.Service`."""
        return await self._handlers[type(request)](request, asker)

    # --- people ----------------------------------------------------------------------------

    async def _hello(self, _: messages.Hello, __: Asker) -> messages.Info:
        return messages.Info(
            shop=self._config.shop.name,
            language=self._config.shop.language,
            version=__version__,
            staff=self._access.names,
            simulated=self._config.inputs.simulated,
            claimed=self._access.is_claimed,
            set_up=self._is_set_up(),
            life=self._life,
        )

    async def _login(self, request: messages.Login, _: Asker) -> messages.Session:
        return await self._access.login(request.staff, request.pin)

    async def _logout(self, _: messages.Logout, asker: Asker) -> messages.Done:
        if asker.token is not None:
            await self._access.logout(asker.token)
        return messages.Done()

    async def _who_am_i(self, _: messages.WhoAmI, asker: Asker) -> messages.Session:
        return messages.Session(
            token=asker.token or "", staff=asker.name, role=asker.role or Role.STAFF
        )

    async def _staff(self, _: messages.GetStaff, __: Asker) -> tuple[messages.StaffView, ...]:
        now = self._clock.now()
        return tuple(
            messages.StaffView(
                name=person.name,
                role=person.role,
                pager=person.pager,
                zones=person.zones,
                on_duty=hours.on_duty(person, self._config.shop, now),
            )
            for person in self._config.staff
        )

    # --- alerts ----------------------------------------------------------------------------

    async def _alerts(self, request: messages.GetAlerts, _: Asker) -> tuple[AlertView, ...]:
        live = self._floor.desk.alerts()
        most = min(max(request.closed, 0), CLOSED_MOST)
        closed = await self._read(lambda db: views.closed_alerts(db, most)) if most else []
        return tuple(self._alert_view(alert) for alert in (*live, *closed))

    def _alert_view(self, alert: Alert) -> AlertView:
        return shown.alert_view(alert, self._floor.desk, self._clock.now())

    async def _acknowledge(self, request: messages.Acknowledge, asker: Asker) -> AlertView:
        at = self._clock.now()
        desk = self._floor.desk
        decision = desk.acknowledge(request.alert, asker.name, asker.via, at)
        alert = desk.alert(request.alert)
        await self._floor.keep(decision, at, KEEP_S)
        return self._alert_view(alert)

    async def _contact(self, request: messages.Contact, asker: Asker) -> AlertView:
        at = self._clock.now()
        desk = self._floor.desk
        decision = desk.contact(request.alert, asker.name, asker.via, at)
        alert = desk.alert(request.alert)
        await self._floor.keep(decision, at, KEEP_S)
        return self._alert_view(alert)

    # --- grants ----------------------------------------------------------------------------

    async def _offers(
        self, request: messages.GetOffers, asker: Asker
    ) -> tuple[messages.ProposedOffer, ...]:
        cause = cause_named(self._config.causes, request.cause)
        found = proposals(self._config.offers, asker.role or Role.STAFF, request.severity, cause)
        return tuple(messages.ProposedOffer(offer=each.offer, why=each.why) for each in found)

    async def _causes(self, _: messages.GetCauses, __: Asker) -> tuple[Cause, ...]:
        return self._config.causes or CAUSES

    async def _issue(self, request: messages.IssueGrant, asker: Asker) -> GrantView:
        if request.alert is not None:
            known = await self._read(lambda db: views.find_alert(db, request.alert or ""))
            if known is None:
                raise Refused("unknown_alert", f"no alert has the id {request.alert}")
        grant = await self._grants.issue(
            request.request,
            request.offer,
            by=asker.name,
            role=asker.role or Role.STAFF,
            at=self._clock.now(),
            alert=request.alert,
            account=self._rule.account(request.customer, request.account),
            override=request.override,
        )
        if request.alert is not None:
            at = self._clock.now()
            self._floor.carry_out(self._floor.desk.settle(request.alert, at), at)
        return self._grant_view(grant)

    async def _list_grants(self, request: messages.GetGrants, _: Asker) -> tuple[GrantView, ...]:
        most = min(max(request.most, 1), CLOSED_MOST)
        # An expired grant is one that was issued: only the present moment makes it so.
        is_expired = request.state is GrantState.EXPIRED
        state = GrantState.ISSUED if is_expired else request.state
        found = await self._read(lambda db: views.list_grants(db, state, most))
        all_views = [self._grant_view(grant) for grant in found]
        return tuple(view for view in all_views if request.state in (None, view.grant.state))

    async def _redeem(self, request: messages.Redeem, asker: Asker) -> GrantView:
        grant = await self._grants.redeem(request.code, by=asker.name, at=self._clock.now())
        return self._grant_view(grant)

    async def _undo(self, request: messages.UndoRedeem, asker: Asker) -> GrantView:
        grant = await self._grants.undo(request.code, by=asker.name, at=self._clock.now())
        return self._grant_view(grant)

    async def _void(self, request: messages.VoidGrant, asker: Asker) -> GrantView:
        grant = await self._grants.void(
            request.code, by=asker.name, reason=request.reason, at=self._clock.now()
        )
        return self._grant_view(grant)

    def _grant_view(self, grant: Grant) -> GrantView:
        return shown.grant_view(grant, self._grants.offer(grant.offer), self._clock.now())

    # --- the box ---------------------------------------------------------------------------

    async def _press(self, request: messages.SimulatePress, _: Asker) -> messages.PressView:
        if self._panel is None:
            raise Refused(
                "not_simulated", "these are real buttons: press them, or set inputs.simulated"
            )
        if request.button not in {button.name for button in self._config.buttons}:
            raise Refused("unknown_button", f"there is no button named {request.button!r}")
        if not 1 <= request.count <= PRESSES_MOST:
            raise Refused("bad_request", f"from 1 to {PRESSES_MOST} presses")
        seen: list[Pressed] = []
        stop = self._floor.watch_presses(seen.append)
        try:
            async with self._pressing:  # one finger
                began_ns = self._clock.mono_ns()
                moves = press() * request.count
                await asyncio.to_thread(self._panel.play, request.button, moves)
                await asyncio.sleep(0)  # the last edge's verdict is on the loop already
            self._floor.settle()  # on a busy box its page may have left only just now
        finally:
            stop()
        mine = [verdict for verdict in seen if verdict.press.button == request.button]
        return messages.PressView(
            button=request.button,
            verdicts=tuple(verdict.press.flag or "counted" for verdict in mine),
            pressed_ns=mine[0].at_ns if mine else began_ns,
        )

    async def _page(self, request: messages.SendPage, _: Asker) -> messages.ReceiptView:
        if request.to not in {pager.name for pager in self._config.pagers}:
            names = ", ".join(pager.name for pager in self._config.pagers) or "none"
            raise Refused("unknown_pager", f"no pager named {request.to!r}; there is {names}")
        if not request.text.strip():
            raise Refused("bad_request", "a page needs a text")
        if request.kind not in NUMERIC_CODES:
            raise Refused("bad_request", f"no kind of page is called {request.kind!r}")
        if request.charset not in (None, *charsets.names()):
            raise Refused("bad_request", f"no code table is called {request.charset!r}")
        page = Page(
            id=f"test.{secrets.token_hex(6)}",
            pager=request.to,
            text=request.text,
            priority=Priority.NORMAL,
            kind=request.kind,
            charset=request.charset,
        )
        began_ns = self._clock.mono_ns()
        try:
            receipt = await self._floor.send(page, PAGE_S)
        except TimeoutError as error:
            raise Refused("no_receipt", f"no receipt after {PAGE_S:.0f} s") from error
        ms = (self._clock.mono_ns() - began_ns) / 1e6
        return messages.ReceiptView(
            page=page.id, pager=page.pager, text=page.text, receipt=receipt, ms=round(ms, 1)
        )

    async def _confirm_test(
        self, request: messages.ConfirmTest, asker: Asker
    ) -> messages.Confirmation:
        done = self._watchman.confirm(request.pager, asker.name, asker.via)
        return messages.Confirmation(confirmed=done, waiting=self._watchman.unconfirmed)

    async def _buttons(self, _: messages.GetButtons, __: Asker) -> object:
        return self._config.buttons

    async def _records(self, request: messages.GetRecords, _: Asker) -> list[Record]:
        most = min(max(request.most, 1), RECORDS_MOST)
        return await self._read(lambda db: reading.records_after(db, request.after, most))

    async def status(self) -> Status:
        """The whole box at a glance."""
        now = self._clock.now()
        counters, grants = {}, GrantsStatus()
        if self._journal.state == "ok":
            counters = await self._read(views.counters)
            grants = await self._read(lambda db: overview.grants(db, now, self._config.spending))
        return overview.status(
            config=self._config,
            now=now,
            lane=self._lane,
            journal=self._journal,
            uplink=self._uplink,
            faults=self._faults,
            counters=counters,
            grants=grants,
            open_alerts=len(self._floor.desk.alerts()),
        )

    # --- settings --------------------------------------------------------------------------

    async def _get_settings(self, _: messages.GetSettings, __: Asker) -> messages.SettingsText:
        text, sha256 = self._settings.in_force
        return messages.SettingsText(text=text, sha256=sha256)

    async def _put_settings(
        self, request: messages.PutSettings, asker: Asker
    ) -> messages.SettingsText:
        write = partial(self._settings.write, request.text, replaces=request.replaces_sha256)
        change = await asyncio.to_thread(write)
        event = SettingsChanged(by=asker.name, sha256=change.sha256, keys=change.keys)
        await asyncio.wrap_future(self._journal.append(event, self._clock.now()))
        return messages.SettingsText(
            text=change.text, sha256=change.sha256, restart_needed=bool(change.keys)
        )

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._journal.read(query))
