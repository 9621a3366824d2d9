"""No secret is in a support bundle, wherever it stood: in settings, events, faults or the log."""

import io
import logging
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from gateway import logs
from gateway.backup import bundle
from gateway.backup.messages import MakeBundle
from gateway.clock import Stamp
from gateway.events import (
    AlertResolved,
    AnyEvent,
    FaultRaised,
    GrantIssued,
    GrantRedeemed,
    GrantVoided,
    Paged,
    Record,
)
from gateway.grants import crockford
from gateway.messages import IssueGrant
from gateway.model import OfferKind, Outcome, ReceiptState
from gateway.simulator.shop import PINS, SimulatedShop
from gateway.status import Status
from tests.backup.conftest import fetch

AT = Stamp("boot", 1, 2, synced=True)
STATUS: dict[str, Any] = {
    "device": "box-1", "version": "1", "pid": 1, "buttons": [], "transmitters": [],
    "journal": {"path": "/j", "epoch": "e", "last_seq": 1, "bytes": 1, "free_bytes": 1,
        "waiting": 0, "state": "ok"},
    "uplink": {"kind": "none", "state": "ok", "cursor": 0, "backlog": 0, "quarantined": 0},
    "clock": {"boot": "b", "uptime_s": 1, "wall": "2026-11-21T10:00:00Z", "synced": True},
    "open_alerts": 0,
}  # fmt: skip

# Long enough that they are not in the bundle by chance.
WORD = st.text("abcdefghjkmnpqrstvwxyz", min_size=10, max_size=16)
CODE = st.text(crockford.ALPHABET, min_size=12, max_size=12).map(
    lambda code: f"{code[:4]}-{code[4:8]}-{code[8:]}"
)
PHONE = st.integers(10**10, 10**11 - 1).map(lambda number: f"+{number}")
CARD = st.integers(10**15, 10**16 - 1).map(str)


def record(event: AnyEvent) -> Record:
    return Record(device="box-1", epoch="E", seq=1, at=AT, mapping=1, account="shop", event=event)


def content(path: Path) -> str:
    with tarfile.open(path) as archive:
        files = [archive.extractfile(member) for member in archive.getmembers()]
        return "\n".join(file.read().decode() for file in files if file is not None)


def said(text: str, events: list[AnyEvent], faults: tuple[str, ...], state: Path) -> str:
    out = state / "bundle"
    status = msgspec.convert({**STATUS, "faults": faults}, Status)
    bundle.make(text, status, [record(event) for event in events], state, out)
    return content(out)


@given(
    account=WORD, person=WORD, address=WORD, token=WORD, note=WORD, key=st.binary(min_size=32),
    pin=WORD, code=CODE, phone=PHONE, card=CARD,
)  # fmt: skip
def test_no_secret_is_anywhere_in_it(
    account: str, person: str, address: str, token: str, note: str, key: bytes, pin: str,
    code: str, phone: str, card: str,
) -> None:  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        state = Path(name)
        (state / "token").write_text(token)
        (state / "grant.key").write_bytes(key)
        hashed = f"$argon2id$v=19$m=19456,t=2,p=1${pin}"
        (state / "access.json").write_bytes(msgspec.json.encode({"pins": {person: hashed}}))
        tables = {
            "shop": {"name": "Café", "account": account},
            "pagers": [{"name": "watch-1", "address": address, "codes": {"red": address}}],
            "staff": [{"name": person, "account": account, "role": "staff"}],
            "ladder": {"steps": [{"after_s": 0, "to": [f"staff:{person}"]}]},
            "uplink": {"kind": "achivx", "token_file": str(state / "token")},
        }
        words = f"{person} {code} {phone} {card} {token} {hashed} {key.hex()} {account} {address}"
        events: list[AnyEvent] = [
            GrantIssued(code=code, request=token, offer="o", kind=OfferKind.COUPON, by=person,
                expires=AT, account=account, override=note),
            GrantRedeemed(code=code, by=person, kind=OfferKind.COUPON, account=account),
            GrantVoided(code=code, by=person, reason=note),
            AlertResolved(alert="a", by=person, outcome=Outcome.LEFT, reason=note, note=note),
            Paged(page="p", pager="w", text=f"{note} {phone}", state=ReceiptState.FAILED,
                detail=words),
            FaultRaised(part="uplink", words=words),
        ]  # fmt: skip
        logs.Recent.lines.clear()
        logs.Recent.lines.append(words)
        comment = f"# {note}: {token}\n"
        found = said(comment + tomlkit.dumps(tables), events, (words,), state)
        logs.Recent.lines.clear()
    parts = [code, code.replace("-", ""), phone, card, hashed, key.hex(), pin]
    for secret in (account, person, address, token, note, *parts):
        assert secret.lower() not in found.lower()
    for useful in ("watch-1", "grant_issued", "Café", "uplink"):
        assert useful in found


def test_the_log_of_the_process_is_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeper = logs.Recent()
    logs.Recent.lines.clear()
    with caplog.at_level(logging.INFO):
        logging.getLogger().addHandler(keeper)
        try:
            logging.getLogger("gateway").warning("the transmitter is gone")
        finally:
            logging.getLogger().removeHandler(keeper)
    (tmp_path / "access.json").write_text("damaged")
    assert "the transmitter is gone" in said("", [], (), tmp_path)


async def test_a_real_box_makes_one_without_its_secrets(shop: SimulatedShop) -> None:
    grant = (await shop.ask(IssueGrant(request="r", offer="souvenir"))).grant
    data = await fetch(shop, await shop.ask(MakeBundle()))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = {Path(name).name for name in archive.getnames()}
        files = [archive.extractfile(member) for member in archive.getmembers()]
        text = "\n".join(file.read().decode() for file in files if file is not None)
    assert names == {"versions.json", "status.json", "settings.toml", "events.jsonl", "log.txt"}
    assert grant.code not in text
    for secret in (shop._token, *PINS):
        assert secret not in text
    assert '"grant_issued"' in text
    assert "ready" in text  # of its log
