"""Whose grants are whose: found by account, gone with the grants, made anew with the views."""

from pathlib import Path

import msgspec
import pytest

from gateway.clock import NS_PER_S, Stamp
from gateway.events import GrantIssued, GrantRedeemed
from gateway.journal import holders, retention, schema, views
from gateway.journal.store import Identity, Journal
from gateway.model import GrantState, OfferKind

AT = Stamp("boot", 1, 2, synced=True)


def issued(number: int, account: str | None) -> GrantIssued:
    return GrantIssued(
        code=f"C{number}",
        request=f"r{number}",
        offer="apology",
        kind=OfferKind.APOLOGY,
        by="Anna",
        expires=AT,
        account=account,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def opened(path: Path) -> Journal:
    journal = Journal(path, Identity("box-1", "shop", 1), on_change=lambda: None)
    journal.start()
    return journal


def codes_of(journal: Journal, account: str, state: GrantState | None = None) -> list[str]:
    found = journal.read(lambda db: holders.grants_of(db, account, state, 10)).result(10)
    return [grant.code for grant in found]


def test_an_accounts_grants_are_the_latest_first(path: Path) -> None:
    journal = opened(path)
    for number, account in enumerate(["zoe", "ann", None, "zoe"]):
        journal.append(issued(number, account), AT).result(10)
    redeemed = GrantRedeemed(code="C3", by="Bo", kind=OfferKind.APOLOGY, account="zoe")
    journal.append(redeemed, AT).result(10)
    assert codes_of(journal, "zoe") == ["C3", "C0"]
    assert codes_of(journal, "zoe", GrantState.ISSUED) == ["C0"]
    assert codes_of(journal, "nobody") == []
    journal.close()
    # A view like the others: made anew where it is missing.
    db = schema.open_writer(path)
    db.execute("DROP TABLE holder")
    db.close()
    journal = opened(path)
    assert codes_of(journal, "zoe") == ["C3", "C0"]
    journal.close()


def test_they_go_with_their_grants(path: Path) -> None:
    journal = opened(path)
    for number in range(3):
        journal.append(issued(number, "zoe"), AT).result(10)
    redeemed = GrantRedeemed(code="C1", by="Bo", kind=OfferKind.APOLOGY, account="zoe")
    journal.append(redeemed, AT).result(10)
    journal.transact(lambda work: holders.let_go(work.connection, 3)).result(10)
    rows = journal.read(lambda db: db.execute("SELECT code FROM holder").fetchall()).result(10)
    assert sorted(rows) == [("C0",), ("C2",)]  # what is live stays whatever its age
    assert journal.read(lambda db: views.find_grant(db, "C1")).result(10) is not None
    journal.close()


def test_what_was_counted_of_a_customer_is_forgotten_once_no_cap_asks_for_it(path: Path) -> None:
    """A cap may be over 366 days: until then it counts, whatever has become of the records."""
    journal = opened(path)
    days = ["2026-01-01", "2026-06-01", "boot old 3", "boot boot 3", "2027-03-01"]
    for number, day in enumerate(days):
        event = msgspec.structs.replace(issued(number, f"zoe-{number}"), day=day)
        at = Stamp("old" if number < 3 else "boot", number * NS_PER_S, 2, synced=False)
        journal.append(event, at).result(10)
        handed = GrantRedeemed(code=event.code, by="Bo", kind=OfferKind.APOLOGY)
        journal.append(handed, at).result(10)
    journal.append(
        msgspec.structs.replace(issued(9, "live"), day="2026-01-01"),
        Stamp("boot", 10 * NS_PER_S, 2, synced=False),
    ).result(10)

    def counted() -> set[str]:
        rows = journal.read(
            lambda db: db.execute("SELECT who FROM tally WHERE who GLOB 'account:*'").fetchall()
        )
        return {who for (who,) in rows.result(10)}

    assert len(counted()) == 6
    journal.transact(lambda work: retention._let_go_of_views(work.connection, work.last)).result(10)
    kept = {f"account:zoe-{number}" for number in (1, 3, 4)}
    assert counted() == {*kept, "account:live"}
    journal.close()
