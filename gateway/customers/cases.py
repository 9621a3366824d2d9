"""The case on the control socket: what was found out, whose it is, how it ended, and security."""

import asyncio
import secrets
from typing import Any, Final

import msgspec

from gateway.alerts import hours, roster, timing
from gateway.alerts.case import Alert
from gateway.alerts.desk import Desk
from gateway.clock import NS_PER_S, Clock, Stamp
from gateway.config import Config
from gateway.control import Asker
from gateway.customers import guidance, history, messages
from gateway.customers.messages import CaseView
from gateway.customers.people import People
from gateway.customers.personal import PersonalError
from gateway.errors import Refused
from gateway.events import CaseDescribed, CustomerNamed, SecurityCalled
from gateway.floor import KEEP_S, Floor
from gateway.grants.playbook import cause_named, proposals
from gateway.journal import views
from gateway.journal.store import Journal
from gateway.messages import Resolve, Withdraw
from gateway.model import AlertState, Page, Priority, Receipt, ReceiptState, Role
from gateway.paging.text import alert_text
from gateway.request import AlertView, Request
from gateway.shown import alert_view

NOTE_CHARS: Final = 1000
CASES_MOST: Final = 200
RECEIPT_S: Final = 10.0
"""How long whoever calls security waits to hear whether the page went out."""


class CaseService:
    """Answers what is asked and told of cases.

    Args:
        config: Causes, guidance, security, staff and pagers.
        clock: The time.
        floor: Alerts and pages.
        journal: Cases that have ended.
        people: Their customers and notes.
    """

    def __init__(
        self, *, config: Config, clock: Clock, floor: Floor, journal: Journal, people: People
    ) -> None:
        self._config: Final = config
        self._clock: Final = clock
        self._floor: Final = floor
        self._desk: Final[Desk] = floor.desk
        self._journal: Final = journal
        self._people: Final = people
        self._pagers: Final = {pager.name: pager for pager in config.pagers}

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            Withdraw: self._withdraw,
            Resolve: self._resolve,
            messages.GetCases: self._list,
            messages.GetCase: self._get,
            messages.DescribeCase: self._describe,
            messages.NameCustomer: self._name,
            messages.GetGuidance: self._guidance,
            messages.CallSecurity: self._call_security,
        }

    # --- told ------------------------------------------------------------------------------

    async def _withdraw(self, request: Withdraw, asker: Asker) -> AlertView:
        at = self._clock.now()
        decision = self._desk.withdraw(request.alert, asker.name, at)
        await self._floor.keep(decision, at, KEEP_S)
        return self._shown(await self._found(request.alert))

    async def _resolve(self, request: Resolve, asker: Asker) -> AlertView:
        self._desk.alert(request.alert)
        cause_named(self._config.causes, request.cause)
        note, unkept = await self._keep_note(request.alert, request.note)
        at = self._clock.now()
        try:
            decision = self._desk.resolve(
                request.alert,
                asker.name,
                request.outcome,
                at,
                severity=request.severity,
                cause=request.cause,
                note=note,
            )
        except Refused:
            await self._people.drop(note)
            raise
        await self._floor.keep(decision, at, KEEP_S)
        alert = await self._found(request.alert)
        self._people.case_over(alert)
        return msgspec.structs.replace(self._shown(alert), unkept=unkept)

    async def _describe(self, request: messages.DescribeCase, asker: Asker) -> CaseView:
        self._desk.alert(request.alert)
        cause_named(self._config.causes, request.cause)
        note, unkept = await self._keep_note(request.alert, request.note)
        before = self._desk.alert(request.alert).note
        event = CaseDescribed(
            alert=request.alert,
            by=asker.name,
            severity=request.severity,
            cause=request.cause,
            note=note,
        )
        await self._tell(event, note)
        if note is not None:
            await self._people.drop(before)
        return await self._case(request.alert, asker, unkept=unkept)

    async def _name(self, request: messages.NameCustomer, asker: Asker) -> CaseView:
        alert = self._desk.alert(request.alert)
        key, unkept = None, False
        if request.customer is not None:
            customer = self._people.rule.read(request.customer)
            try:
                key = await self._people.name(alert.id, customer)
            except PersonalError:
                unkept = True
        before = self._desk.alert(request.alert).customer
        await self._tell(CustomerNamed(alert=alert.id, by=asker.name, customer=key), key)
        await self._people.drop(before)
        return await self._case(request.alert, asker, unkept=unkept, ask=True)

    async def _tell(self, event: CaseDescribed | CustomerNamed, key: str | None) -> None:
        """Record it; what was kept for it goes again where it is refused."""
        at = self._clock.now()
        try:
            decision = self._desk.tell(event, at)
        except Refused:
            await self._people.drop(key)
            raise
        await self._floor.keep(decision, at, KEEP_S)

    async def _keep_note(self, alert: str, text: str | None) -> tuple[str | None, bool]:
        """The key of a note, None without one, and whether there was one that was not kept.

        A case is closed even where its note cannot be kept: the fault and the answer tell it.
        """
        note = (text or "").strip()
        if not note:
            return None, False
        if len(note) > NOTE_CHARS or not "".join(note.split()).isprintable():
            raise Refused("bad_note", f"a note has at most {NOTE_CHARS} visible characters")
        try:
            return await self._people.keep(alert, note=note), False
        except PersonalError:
            return None, True

    # --- asked -----------------------------------------------------------------------------

    async def _list(self, request: messages.GetCases, _: Asker) -> tuple[AlertView, ...]:
        cause_named(self._config.causes, request.cause)
        most = min(max(request.most, 1), CASES_MOST)
        cases: list[Alert] = []
        if request.closed is not True:
            cases += [
                alert
                for alert in self._desk.alerts()
                if alert.state is not AlertState.OPEN
                and history.fits(alert, request.outcome, request.cause)
            ]
        if request.closed is not False:
            cases += await asyncio.wrap_future(
                self._journal.read(
                    lambda db: history.ended_cases(db, request.outcome, request.cause, most)
                )
            )
        return tuple(map(self._shown, cases[:most]))

    async def _get(self, request: messages.GetCase, asker: Asker) -> CaseView:
        return await self._case(request.alert, asker)

    async def _guidance(
        self, _: messages.GetGuidance, __: Asker
    ) -> tuple[messages.GuidanceStep, ...]:
        steps = self._config.guidance or guidance.STEPS
        return tuple(messages.GuidanceStep(label=each.label, text=each.text) for each in steps)

    async def _case(
        self, alert_id: str, asker: Asker, *, unkept: bool = False, ask: bool = False
    ) -> CaseView:
        alert = await self._found(alert_id)
        known = (each for each in self._config.causes if each.name == alert.mishap)
        fitting = proposals(
            self._config.offers, asker.role or Role.STAFF, alert.severity, next(known, None)
        )
        return CaseView(
            view=msgspec.structs.replace(self._shown(alert), unkept=unkept),
            note=await self._people.note(alert.note),
            customer=await self._people.named(alert.customer, ask=ask),
            proposals=len(fitting),
        )

    async def _found(self, alert_id: str) -> Alert:
        """One alert, live or ended.

        Raises:
            Refused: `unknown_alert`.
        """
        live = next((each for each in self._desk.alerts() if each.id == alert_id), None)
        if live is not None:
            return live
        kept = await asyncio.wrap_future(
            self._journal.read(lambda db: views.find_alert(db, alert_id))
        )
        if kept is None:
            raise Refused("unknown_alert", f"no alert has the id {alert_id}")
        return kept

    def _shown(self, alert: Alert) -> AlertView:
        return alert_view(alert, self._desk, self._clock.now())

    # --- security --------------------------------------------------------------------------

    async def _call_security(
        self, request: messages.CallSecurity, asker: Asker
    ) -> messages.SecurityCall:
        at = self._clock.now()
        pages = self._security_pages(self._desk.alert(request.alert), at)
        ids = tuple(page.id for page in pages)
        event = SecurityCalled(alert=request.alert, by=asker.name, pages=ids)
        decision = self._desk.tell(event, at)
        receipts, _ = await asyncio.gather(  # in this order: the pages first
            asyncio.gather(*map(self._send, pages)), self._floor.keep(decision, at, KEEP_S)
        )
        return messages.SecurityCall(
            pages=tuple(
                messages.SecurityPage(pager=page.pager, receipt=receipt)
                for page, receipt in zip(pages, receipts, strict=True)
            ),
            words=self._config.security.words or guidance.SECURITY_WORDS,
        )

    def _security_pages(self, alert: Alert, at: Stamp) -> list[Page]:
        """They are no alert's pages: an alert that is taken would take them back."""
        security, shop = self._config.security, self._config.shop
        if not security.to:
            return []
        wearers = roster.wearers(self._config)
        on_duty = [person.name for person in wearers if hours.on_duty(person, shop, at)]
        names = roster.pagers_for(security.to, alert.zone, wearers, on_duty)
        call = secrets.token_hex(4)
        template = security.text or guidance.SECURITY_TEXT
        pages = []
        for name in names:
            language = self._pagers[name].language or shop.language
            text = alert_text(
                language,
                template.text(language),
                zone=alert.zone,
                button_label=self._desk.label(alert).text(language),
                time_hhmm=hours.hhmm(shop, at),
                age_s=timing.least_age_ns(alert.raised, at) // NS_PER_S,
                level=0,
            )
            page_id = f"security.{alert.id}.{call}.{name}"
            pages.append(Page(page_id, name, text, Priority.ALARM, kind="security"))
        return pages

    async def _send(self, page: Page) -> Receipt:
        try:
            return await self._floor.send(page, RECEIPT_S)
        except TimeoutError:
            return Receipt(ReceiptState.UNKNOWN, "no receipt yet")
