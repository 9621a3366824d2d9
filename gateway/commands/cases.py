"""Commands on cases, customers and what is kept of them: what the recovery card does."""

import argparse
from datetime import UTC, datetime

from gateway.clock import NS_PER_S
from gateway.commands.common import Commands, add_command, add_json, gateway, print_json
from gateway.customers.messages import (
    CallSecurity,
    CaseView,
    CustomerView,
    DescribeCase,
    ForgetCustomer,
    GetCase,
    GetCases,
    GetGuidance,
    LookUpCustomer,
    NameCustomer,
    RotateKey,
)
from gateway.model import Outcome
from gateway.request import AlertView


def add_to(commands: Commands) -> None:
    """Add them."""
    cases = add_command(
        commands, "cases", _cases, "list cases: taken alerts, then the latest that have ended"
    )
    which = cases.add_mutually_exclusive_group()
    which.add_argument("--open", action="store_true", help="only those that have not ended")
    which.add_argument("--closed", action="store_true", help="only those that have ended")
    cases.add_argument("--outcome", choices=[each.value for each in Outcome])
    cases.add_argument("--cause", metavar="NAME", help="what went wrong: a name of [[causes]]")
    cases.add_argument("--most", type=int, default=20, metavar="N")
    add_json(cases)
    case = add_command(
        commands,
        "case",
        _case,
        "show one case, or say what was found out",
        details="What is not given stays as it is.",
    )
    case.add_argument("id", metavar="ID", help="the alert's id, from `cases`")
    case.add_argument("--severity", type=int, choices=range(1, 6), metavar="1-5")
    case.add_argument("--cause", metavar="NAME", help="what went wrong: a name of [[causes]]")
    case.add_argument("--note", help="free words; they are deleted after customers.keep_days")
    whose = case.add_mutually_exclusive_group()
    whose.add_argument("--customer", metavar="TEXT", help="a card, phone or scanned code")
    whose.add_argument("--anonymous", action="store_true", help="take the customer's name back")
    add_json(case)
    security = add_command(commands, "security", _security, "call security to an alert")
    security.add_argument("id", metavar="ID", help="the alert's id, from `alerts`")
    add_json(security)
    guidance = add_command(commands, "guidance", _guidance, "print how to talk to the customer")
    add_json(guidance)
    customer = add_command(commands, "customer", _customer, "show what is known of a customer")
    customer.add_argument("customer", metavar="TEXT", help="a card, phone or scanned code")
    add_json(customer)
    forget = add_command(
        commands,
        "forget",
        _forget,
        "delete what is kept of a customer, and say what it was",
        details="See docs/privacy.md for what stays and why.",
    )
    forget.add_argument("account", metavar="ACCOUNT", help="the customer's ACHIVX account")
    add_json(forget)
    rotate = add_command(
        commands,
        "rotate-key",
        _rotate_key,
        "sign grant codes with a new key",
        details="Codes that are still good stay so.",
    )
    add_json(rotate)


def _cases(options: argparse.Namespace) -> int:
    request = GetCases(
        closed=True if options.closed else False if options.open else None,
        outcome=None if options.outcome is None else Outcome(options.outcome),
        cause=options.cause,
        most=options.most,
    )
    with gateway(options) as client:
        views = client.call(request)
    if options.json:
        print_json(views)
    else:
        print("\n".join(map(_line, views)) or "no cases")
    return 0


def _line(view: AlertView) -> str:
    alert = view.alert
    what = [alert.mishap or "cause unknown"]
    if alert.severity is not None:
        what.append(f"severity {alert.severity}")
    if alert.security is not None:
        what.append("security was called")
    who = f" by {alert.taken.by}" if alert.taken is not None else ""
    how = f" {alert.outcome}" if alert.outcome is not None else ""
    return f"{alert.id}  {alert.raised.iso()}  {alert.zone}  {alert.state}{who}{how}  " + ", ".join(
        what
    )


def _case(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        view = None
        if options.customer is not None or options.anonymous:
            view = client.call(NameCustomer(alert=options.id, customer=options.customer))
        if (options.severity, options.cause, options.note) != (None, None, None):
            told = DescribeCase(
                alert=options.id,
                severity=options.severity,
                cause=options.cause,
                note=options.note,
            )
            view = client.call(told)
        view = view or client.call(GetCase(alert=options.id))
    if options.json:
        print_json(view)
    else:
        print("\n".join(_case_lines(view)))
    return 0


def _case_lines(view: CaseView) -> list[str]:
    lines = [_line(view.view)]
    acts = ("acknowledged", "contacted", "described", "security", "closed")
    for name in acts:
        act = getattr(view.view.alert, name)
        if act is not None:
            lines.append(f"    {name} {act.at.iso()} by {act.by}")
    if view.note is not None:
        lines.append(f"    note: {view.note}")
    if view.view.unkept:
        lines.append("    WHAT WAS SAID OF THE CUSTOMER COULD NOT BE KEPT: see `status`")
    return [*lines, *_customer_lines(view.customer)]


def _customer_lines(view: CustomerView | None) -> list[str]:
    if view is None:
        return ["    customer: anonymous"]
    lines = [f"    customer: {view.account or 'kept as a hash alone'} ({view.kind})"]
    if view.known is not None:
        known = view.known
        as_of = datetime.fromtimestamp(known.as_of_wall_ns // NS_PER_S, UTC).isoformat()
        lines.append(
            f"    level {known.level}, balance {known.balance}, {len(known.achievements)}"
            f" achievements, {'as of now' if known.fresh else f'as of {as_of}'}"
        )
    lines += [f"    before: {_line(each)}" for each in view.cases]
    lines += [
        f"    grant: {each.grant.code}  {each.label_en}  {each.grant.state}" for each in view.grants
    ]
    return lines


def _security(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        call = client.call(CallSecurity(alert=options.id))
    if options.json:
        print_json(call)
    else:
        for page in call.pages:
            print(f"{page.pager}  {page.receipt.state}  {page.receipt.detail}".rstrip())
        print(call.words.en)
    return 0


def _guidance(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        steps = client.call(GetGuidance())
    if options.json:
        print_json(steps)
    for number, step in enumerate(() if options.json else steps, 1):
        print(f"{number}. {step.label.en} / {step.label.ru}\n   {step.text.en}\n   {step.text.ru}")
    return 0


def _customer(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        view = client.call(LookUpCustomer(customer=options.customer))
    if options.json:
        print_json(view)
    else:
        print("\n".join(line.strip() for line in _customer_lines(view)))
    return 0


def _forget(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        gone = client.call(ForgetCustomer(account=options.account))
    if options.json:
        print_json(gone)
    else:
        details = "and what was remembered of the account" if gone.details else "and no details"
        print(f"deleted: named in {gone.names} cases, {gone.notes} notes, {details}")
        if gone.damaged:
            print(f"deleted: {gone.damaged} damaged files that nobody can search")
    return 0


def _rotate_key(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        rotated = client.call(RotateKey())
    if options.json:
        print_json(rotated)
    else:
        print(f"codes have a new key; old keys that stay for live codes: {rotated.old}")
        print("take a new backup of the box: a backup without this key cannot read new codes")
    return 0
