"""Commands on alerts and grants: what the page does, from a shell."""

import argparse
import sys
import uuid

from gateway.commands.common import Commands, Run, add_command, add_json, gateway, print_json
from gateway.customers.messages import RedeemScanned
from gateway.messages import (
    Acknowledge,
    AlertView,
    Contact,
    GetAlerts,
    GetGrants,
    GetOffers,
    GetStaff,
    GrantView,
    IssueGrant,
    Resolve,
    UndoRedeem,
    VoidGrant,
    Withdraw,
)
from gateway.model import Outcome


def add_to(commands: Commands) -> None:
    """Add them."""
    alerts = add_command(commands, "alerts", _alerts, "list the live alerts, oldest first")
    alerts.add_argument(
        "--closed", type=int, default=0, metavar="N", help="also the latest N that have ended"
    )
    add_json(alerts)
    _on_alert(commands, "ack", _acknowledge, "take an alert: someone is going")
    _on_alert(commands, "contact", _contact, "someone is with the customer")
    _on_alert(commands, "withdraw", _withdraw, "take back `ack` or `contact`, within ten seconds")
    resolve = _on_alert(commands, "resolve", _resolve, "end an alert with its outcome")
    resolve.add_argument("--outcome", required=True, choices=[each.value for each in Outcome])
    resolve.add_argument("--severity", type=int, choices=range(1, 6), metavar="1-5")
    resolve.add_argument("--cause", metavar="NAME", help="what went wrong: a name of [[causes]]")
    resolve.add_argument("--note", help="free words; they are deleted after customers.keep_days")
    offers = add_command(commands, "offers", _offers, "list what may be granted")
    offers.add_argument("--severity", type=int, choices=range(1, 6), metavar="1-5")
    offers.add_argument("--cause", metavar="NAME", help="what went wrong: a name of [[causes]]")
    add_json(offers)
    grant = add_command(commands, "grant", _grant, "promise a remedy and print its code")
    grant.add_argument("offer", help="a name from `offers`")
    grant.add_argument("--alert", metavar="ID", help="the alert it puts right")
    whose = grant.add_mutually_exclusive_group()
    whose.add_argument("--account", help="the customer's ACHIVX account")
    whose.add_argument("--customer", metavar="TEXT", help="a card, phone or scanned code")
    grant.add_argument(
        "--request", help="an id of your own: a repeat with the same one issues nothing new"
    )
    grant.add_argument(
        "--override", metavar="WHY", help="why, although something speaks for misuse"
    )
    add_json(grant)
    redeem = add_command(commands, "redeem", _redeem, "hand over what a code promises, once")
    redeem.add_argument("code", help="a code, or a customer's card, phone or scanned code")
    add_json(redeem)
    undo = add_command(commands, "undo", _undo, "take back a redemption, within a minute")
    undo.add_argument("code")
    add_json(undo)
    void = add_command(commands, "void", _void, "take back a promise: its code is good no more")
    void.add_argument("code")
    void.add_argument("--reason", required=True, metavar="WHY")
    add_json(void)
    staff = add_command(commands, "staff", _staff, "list who answers alerts, and who is on duty")
    add_json(staff)
    grants = add_command(commands, "grants", _grants, "list the latest grants")
    grants.add_argument("--most", type=int, default=20, metavar="N")
    add_json(grants)


def _on_alert(commands: Commands, name: str, run: Run, help_text: str) -> argparse.ArgumentParser:
    parser = add_command(commands, name, run, help_text)
    parser.add_argument("id", metavar="ID", help="the alert's id, from `alerts`")
    add_json(parser)
    return parser


def _alerts(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        views = client.call(GetAlerts(closed=options.closed))
    if options.json:
        print_json(views)
    else:
        print("\n".join(map(_alert_line, views)) or "no live alerts")
    return 0


def _alert_line(view: AlertView) -> str:
    alert = view.alert
    age = "age unknown" if view.age_s is None else f"{view.age_s:.0f} s ago"
    taken = f" by {alert.acknowledged.by}" if alert.acknowledged is not None else ""
    outcome = f" {alert.outcome}" if alert.outcome is not None else ""
    page = f"  last page {alert.pages[-1].state} to {alert.pages[-1].pager}" if alert.pages else ""
    return f"{alert.id}  {view.label_en}, {alert.zone}  {age}  {alert.state}{taken}{outcome}{page}"


def _acknowledge(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        return _show(client.call(Acknowledge(alert=options.id)), options)


def _contact(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        return _show(client.call(Contact(alert=options.id)), options)


def _withdraw(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        return _show(client.call(Withdraw(alert=options.id)), options)


def _resolve(options: argparse.Namespace) -> int:
    request = Resolve(
        alert=options.id,
        outcome=Outcome(options.outcome),
        severity=options.severity,
        cause=options.cause,
        note=options.note,
    )
    with gateway(options) as client:
        return _show(client.call(request), options)


def _show(view: AlertView, options: argparse.Namespace) -> int:
    if options.json:
        print_json(view)
    else:
        print(_alert_line(view))
    return 0


def _offers(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        proposed = client.call(GetOffers(severity=options.severity, cause=options.cause))
    if options.json:
        print_json(proposed)
        return 0
    for view in proposed:
        offer = view.offer
        low, high = offer.severity
        print(f"{offer.name}  {offer.label.en} / {offer.label.ru}  severity {low}–{high}")
        print(f"    {view.why.en}\n    {view.why.ru}")
    if not proposed:
        print("no offer fits: fetch the manager or the owner")
    return 0


def _grant(options: argparse.Namespace) -> int:
    request = IssueGrant(
        request=options.request or uuid.uuid4().hex,
        offer=options.offer,
        alert=options.alert,
        account=options.account,
        customer=options.customer,
        override=options.override,
    )
    with gateway(options) as client:
        return _show_grant(client.call(request), options)


def _redeem(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        done = client.call(RedeemScanned(text=options.code))
    if done.redeemed is not None:
        return _show_grant(done.redeemed, options)
    if options.json:
        print_json(done)
    else:
        print("\n".join(map(_grant_line, done.choose)))
        print("several: redeem one of them by its code", file=sys.stderr)
    return 1


def _undo(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        return _show_grant(client.call(UndoRedeem(code=options.code)), options)


def _void(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        request = VoidGrant(code=options.code, reason=options.reason)
        return _show_grant(client.call(request), options)


def _staff(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        people = client.call(GetStaff())
    if options.json:
        print_json(people)
    for person in () if options.json else people:
        duty = "on duty" if person.on_duty else "off duty"
        zones = ", ".join(person.zones) or "every zone"
        print(f"{person.name}  {person.role}  {duty}  {person.pager or 'no pager'}  {zones}")
    return 0


def _grants(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        views = client.call(GetGrants(most=options.most))
    if options.json:
        print_json(views)
    else:
        print("\n".join(map(_grant_line, views)) or "no grants")
    return 0


def _show_grant(view: GrantView, options: argparse.Namespace) -> int:
    if options.json:
        print_json(view)
    else:
        print(_grant_line(view))
    return 0


def _grant_line(view: GrantView) -> str:
    grant = view.grant
    return f"{grant.code}  {view.label_en}  {grant.state}  until {grant.expires.iso()}"
