"""Commands on rewards: tokens that customers pay with, playbooks of before, leader boards."""

import argparse
import uuid

from gateway.commands.common import Commands, add_command, add_json, gateway, print_json
from gateway.grants.messages import GetPlaybook, SpendTokens
from gateway.sync.messages import GetLeaderBoards, LeaderBoardView


def add_to(commands: Commands) -> None:
    """Add them."""
    spend = add_command(
        commands,
        "spend",
        _spend,
        "take tokens that a customer pays with",
        details="Up to what the server says that the account has; while it does not answer, up to"
        " what it last said, and to spending.offline_tokens for the whole shop.",
    )
    spend.add_argument("account", metavar="ACCOUNT", help="the customer's ACHIVX account")
    spend.add_argument("tokens", type=float, metavar="TOKENS", help="how many, in steps of 0.25")
    spend.add_argument(
        "--request", help="an id of your own: a repeat with the same one spends nothing more"
    )
    add_json(spend)
    playbook = add_command(
        commands, "playbook", _playbook, "list the offers that a grant was issued under"
    )
    playbook.add_argument("version", metavar="VERSION", help="the `playbook` of a grant")
    add_json(playbook)
    leaders = add_command(
        commands,
        "leaders",
        _leaders,
        "show the leader boards, as the server told them last",
        details="Of this shop's staff they name only those with `leaderboard = true`.",
    )
    add_json(leaders)


def _spend(options: argparse.Namespace) -> int:
    request = SpendTokens(
        request=options.request or uuid.uuid4().hex, account=options.account, tokens=options.tokens
    )
    with gateway(options) as client:
        spent = client.call(request)
    if options.json:
        print_json(spent)
    else:
        print(f"{spent.account}  {spent.tokens:g} tokens spent, {spent.left:g} left")
    return 0


def _playbook(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        found = client.call(GetPlaybook(version=options.version))
    if options.json:
        print_json(found)
    for offer in () if options.json else found.offers:
        print(f"{offer.name}  {offer.label.en} / {offer.label.ru}  {offer.kind}")
    return 0


def _leaders(options: argparse.Namespace) -> int:
    with gateway(options) as client:
        boards = client.call(GetLeaderBoards())
    if options.json:
        print_json(boards)
    else:
        print("\n".join(line for board in boards for line in _board_lines(board)) or "no boards")
    return 0


def _board_lines(board: LeaderBoardView) -> list[str]:
    age = "of an unknown age" if board.age_s is None else f"{board.age_s / 60:.0f} min old"
    lines = [
        f"{each.rank:4}  {each.account}  {each.score:g}  {each.name}".rstrip()
        for each in board.lines
    ]
    return [f"{board.name}  {age}", *(lines or ["      nobody who may be shown"])]
