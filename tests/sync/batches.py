"""Batches for the bridge and the server, and what became of them."""

import asyncio
from collections import Counter
from collections.abc import Callable

from gateway.clock import Stamp
from gateway.events import AlertContacted, AnyEvent, GrantRedeemed, Pressed, Record
from gateway.model import ButtonKind, OfferKind
from gateway.simulator.achivx_server import AchivxServer
from gateway.sync.mapping import CANARY
from gateway.sync.uplink import Batch

AT = Stamp("boot", 1, 2, synced=True)
PRESS = Pressed(button="b", kind=ButtonKind.UNHAPPY, zone="z")


def contact(account: str) -> AlertContacted:
    """Two experience points for a member of staff."""
    return AlertContacted(alert="a", by="x", account=account)


def tokens(amount: float, account: str = "zoe") -> GrantRedeemed:
    """Tokens for a customer."""
    return GrantRedeemed(code="C", by="x", kind=OfferKind.TOKENS, account=account, tokens=amount)


def batch(
    *events: AnyEvent,
    first: int = 1,
    device: str = "box-1",
    account: str = "shop",
    mapping: tuple[int, ...] = (),
) -> Batch:
    """A batch of these events; `mapping`: the version of each, else 1."""
    records = tuple(
        Record(
            device=device,
            epoch="E",
            seq=seq,
            at=AT,
            mapping=mapping[seq - first] if mapping else 1,
            account=account,
            event=event,
        )
        for seq, event in enumerate(events, first)
    )
    return Batch(device=device, epoch="E", first=first, last=records[-1].seq, records=records)


def booked(server: AchivxServer) -> list[tuple[str, str, str]]:
    """(account, action, sequence) in order of arrival, without canaries."""
    _, actions = server.ledger.snapshot()
    return [
        (each.account, each.action, each.key.rpartition(".")[2])
        for each in actions
        if each.action != CANARY and not each.action.startswith("achivx.")
    ]


def canaries(server: AchivxServer) -> Counter[str | None]:
    """How often each canary was recorded."""
    return Counter(each.key for each in server.ledger.actions if each.action == CANARY)


async def until(look: Callable[[], object], most_s: float = 20.0) -> None:
    """Return as soon as `look` finds something; fail when it never does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + most_s
    while not look():
        assert loop.time() < deadline, "it never came"
        await asyncio.sleep(0.005)
