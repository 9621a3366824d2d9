"""What the centre pushes: real settings files, a real journal, a real broker."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.clock import SystemClock
from gateway.config import Config
from gateway.config.edit import Edit
from gateway.config.settings import Settings
from gateway.events import AnyEvent, FaultRaised, SettingsChanged
from gateway.faults import Faults
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.journal import reading, views
from gateway.journal.store import Identity, Journal
from gateway.setup.changes import Changes
from gateway.sync import wire, wire_schemas
from gateway.sync.down import Taken
from gateway.sync.pushed import PARTS, WHOLE, Pushes
from gateway.sync.wire import Tuning
from tests.sync.bridges import Who
from tests.sync.office import Box, Office

TEXT = """\
# the owner's own words
[device]
id = "box-1"

[shop]
name = "Café"
account = "shop"

[[offers]]
name = "mine"
kind = "coupon"
label = { ru = "Моё", en = "Mine" }
"""
OFFER = {"name": "theirs", "kind": "coupon", "label": {"ru": "Их", "en": "Theirs"}, "cost": 2.5}
GRANT = {"id": "c-1", "device": "box-1", "offer": "mine", "account": "zoe"}


class Shop:
    """Everything that a push goes through, and what it led to."""

    def __init__(self, state: Path, journal: Journal) -> None:
        self.state = state
        self.journal = journal
        self.starts = 0
        self.granted: list[Grant] = []
        self.told: list[AnyEvent] = []
        self.faults = Faults(self.told.append)
        self.path = state / "gateway.toml"
        self.settings = Settings(self.path)
        self.start()

    def start(self) -> None:
        """As the daemon does, at first and anew."""
        loaded = self.settings.load_or_last_good()
        self.config: Config = loaded.config
        clock = SystemClock(trusted=True)
        self.changes = Changes(
            self.settings,
            loaded.sha256,
            self.journal,
            clock,
            on_written=lambda _: None,
            start_anew=self.start_anew,
        )
        codes = Codes(b"k" * 32, "box-1")
        desk = GrantDesk(self.journal, codes, self.config.offers, self.granted.append)
        self.pushes = Pushes(self.state, self.changes, desk, clock, self.faults, self.start_anew)

    def start_anew(self) -> None:
        self.starts += 1
        self.start()

    async def take(self, settings: dict[str, Any], *grants: dict[str, Any]) -> Taken:
        config = {"format": 1, "id": "p", "settings": settings, "grants": grants}
        return await self.pushes.take(wire.decode(msgspec.json.encode(config), Tuning))

    async def changed(self) -> list[SettingsChanged]:
        records = await asyncio.wrap_future(
            self.journal.read(lambda db: reading.records_after(db, 0, 1000))
        )
        return [each.event for each in records if isinstance(each.event, SettingsChanged)]

    async def grants(self) -> list[Grant]:
        return await asyncio.wrap_future(
            self.journal.read(lambda db: views.list_grants(db, None, 100))
        )


def grant(**changes: Any) -> dict[str, Any]:
    return {**GRANT, "expires": "2099-01-01T00:00:00+03:00", **changes}


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setattr("gateway.grants.personal.EXPIRES_DAYS_MOST", 40_000)
    (tmp_path / "gateway.toml").write_text(TEXT)
    journal = Journal(tmp_path / "journal.db", Identity("box-1", "shop", 2), on_change=lambda: None)
    journal.start()
    yield Shop(tmp_path, journal)
    journal.close()


# --- settings ----------------------------------------------------------------------------------


async def test_offers_and_settings_are_applied_and_told(shop: Shop) -> None:
    taken = await shop.take(
        {
            "offers": [OFFER],
            "causes": [{"name": "cold", "label": {"ru": "Холодно", "en": "Cold"}}],
            "ladder": {"fresh_s": 300.0},
            "shop": {"hours": [{"days": ["mon"], "open": "09:00", "close": "18:00"}]},
        }
    )
    assert (taken, shop.starts) == (Taken(), 1)
    assert [offer.name for offer in shop.config.offers] == ["theirs"]
    assert shop.config.offers[0].cost == 2.5
    assert [cause.name for cause in shop.config.causes] == ["cold"]
    assert (shop.config.ladder.fresh_s, shop.config.ladder.repeat_s) == (300.0, 40.0)
    assert shop.config.shop.hours[0].open == "09:00"
    assert shop.path.read_text().startswith("# the owner's own words\n")
    (event,) = await shop.changed()
    assert event.by == "centre"
    assert set(event.keys) == {"offers", "causes", "ladder", "shop.hours"}
    assert shop.settings.past_text(shop.settings.history()[0].number) == TEXT


async def test_it_is_applied_once_and_the_owner_has_the_last_word(shop: Shop) -> None:
    push = {"offers": [OFFER]}
    await shop.take(push)
    owners: Any = [{**OFFER, "name": "owners"}]
    await shop.changes.edit([Edit(("offers",), owners)], "Olga")
    shop.start()
    for _ in range(2):  # the broker keeps it, and sends it at every connection
        assert await shop.take(push) == Taken()
    assert [offer.name for offer in shop.config.offers] == ["owners"]
    await shop.take({"offers": [{**OFFER, "name": "new"}]})
    assert [offer.name for offer in shop.config.offers] == ["new"]
    assert [event.by for event in await shop.changed()] == ["centre", "Olga", "centre"]


async def test_a_cut_between_the_settings_and_the_memory_of_them_does_no_harm(shop: Shop) -> None:
    push = {"offers": [OFFER]}
    await shop.take(push)
    (shop.state / "pushed.json").unlink()
    assert await shop.take(push) == Taken()
    assert (shop.starts, len(await shop.changed())) == (1, 1)
    (shop.state / "pushed.json").write_text("{torn")
    assert await shop.take(push) == Taken()
    assert (shop.starts, len(await shop.changed())) == (1, 1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"offers": [{**OFFER, "kind": "yacht"}]}, "offers[0].kind"),
        ({"offers": [{**OFFER, "wheels": 4}]}, "wheels"),
        ({"offers": "none"}, "offers"),
        ({"offers": [OFFER, OFFER]}, "offers[1].name"),
        ({"ladder": {"fresh_s": -1}}, "ladder.fresh_s"),
        ({"offers": [{**OFFER, "label": None}]}, "settings: "),
        ({"uplink": {"kind": "none"}}, "uplink.kind is not for the centre to set"),
        ({"paths": {"state": "/srv"}}, "paths.state is not for the centre to set"),
        ({"access": {"lockout_after": 100}}, "access.lockout_after is not for"),
        ({"transmitters": []}, "transmitters is not for"),
        ({"staff": []}, "staff is not for"),
        ({"shop": {"account": "theirs"}}, "shop.account is not for"),
        ({"shop": "closed"}, "shop is not for"),
        ({"device": {"id": "box-2"}}, "device.id is not for"),
        ({"yacht": 1}, "yacht is not for"),
    ],
)
async def test_a_broken_push_is_refused_whole_told_and_shown(
    shop: Shop, settings: dict[str, Any], words: str
) -> None:
    taken = await shop.take({"causes": [], **settings}, grant())
    assert any(words in problem for problem in taken.problems), taken.problems
    assert shop.path.read_text() == TEXT
    assert (shop.starts, await shop.changed()) == (0, [])
    assert taken.grants == ("c-1",)  # what is good of it is not held up
    assert words in str(shop.faults.sentences())
    assert any(isinstance(event, FaultRaised) for event in shop.told)
    assert await shop.take({}) == Taken()
    assert shop.faults.sentences() == ()


async def test_everything_pushable_is_a_setting() -> None:
    tables = {field.name: field.type for field in msgspec.structs.fields(Config)}
    assert tables.keys() >= WHOLE | PARTS.keys()
    for table, keys in PARTS.items():
        assert {field.name for field in msgspec.structs.fields(tables[table])} >= keys


async def test_the_schema_has_just_what_is_pushable() -> None:
    told = {each.name: each.type for each in msgspec.structs.fields(wire_schemas.Settings)}
    assert told.keys() == WHOLE | PARTS.keys()
    for table, keys in PARTS.items():
        assert {field.name for field in msgspec.structs.fields(told[table])} == keys


async def test_settings_that_cannot_be_written_are_tried_again(shop: Shop) -> None:
    shop.path.write_text(TEXT + "# by hand\n")
    taken = await shop.take({"offers": [OFFER]})
    assert "changed by hand" in taken.problems[0]
    assert shop.path.read_text() == TEXT + "# by hand\n"
    shop.start()
    assert await shop.take({"offers": [OFFER]}) == Taken()
    assert [offer.name for offer in shop.config.offers] == ["theirs"]


# --- grants ------------------------------------------------------------------------------------


async def test_grants_come_with_the_start_that_knows_their_offers(shop: Shop) -> None:
    push = ({"offers": [OFFER]}, grant(offer="theirs"))
    assert (await shop.take(*push)).grants == ()
    assert (await shop.take(*push)).grants == ("c-1",)
    assert (await shop.take(*push)).grants == ("c-1",)
    assert [each.central for each in await shop.grants()] == ["c-1"]
    assert [each.central for each in shop.granted] == ["c-1"]


async def test_a_grant_that_is_none_is_refused_by_itself(shop: Shop) -> None:
    taken = await shop.take({}, {"id": "!"}, grant(), grant(id="c-2", expires="2099-01-01T00:00"))
    assert taken.grants == ("c-1",)
    assert [problem.partition(":")[0] for problem in taken.problems] == ["grants[0]", "grants[2]"]
    taken = await shop.take({}, grant(id="c-3", device="box-2"))
    assert taken.problems == ("grant c-3: it is for box-2, and this is box-1",)


async def test_a_journal_that_is_closed_takes_none_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(TEXT)
    closed = Journal(tmp_path / "journal.db", Identity("box-1", "shop", 2), on_change=lambda: None)
    closed.start()
    closed.close()
    taken = await Shop(tmp_path, closed).take({}, grant())
    assert taken.grants == ()
    assert "the journal is closed" in taken.problems[0]


# --- over a broker -----------------------------------------------------------------------------


async def state_of(office: Office, config: str) -> wire.State:
    async with asyncio.timeout(20):
        while True:
            state = await office.state()
            if state.config == config:
                return state


async def test_a_retained_push_waits_for_the_box_and_is_answered(
    shop: Shop, who: Who, office: Office
) -> None:
    push = {"format": 1, "id": "p-1", "settings": {"offers": [OFFER]}}
    await office.say(wire.CONFIG, {**push, "grants": [grant(offer="theirs")]}, retain=True)
    for _ in range(2):  # the start that takes the settings, and the one that they need
        holder = Box(who("box-1"))
        holder.transport.desk = shop.pushes
        async with holder:
            state = await state_of(office, "p-1")
    assert (state.grants, state.problems, shop.starts) == (("c-1",), (), 1)
    assert [offer.name for offer in shop.config.offers] == ["theirs"]


async def test_a_push_that_cannot_even_be_read_is_told_and_the_last_stands(
    shop: Shop, who: Who, office: Office
) -> None:
    holder = Box(who("box-1"))
    holder.transport.desk = shop.pushes
    async with holder:
        await office.say(wire.CONFIG, {"format": 1, "id": "p-1", "grants": [grant()]})
        await state_of(office, "p-1")
        await office.say(wire.CONFIG, b'{"format": 1, "id": "p-2", "batch": 0}')
        state = await state_of(office, "p-1")
        assert "batch" in state.problems[0]
        assert state.grants == ("c-1",)
        assert "batch" in str(shop.faults.sentences())
        await office.say(wire.CONFIG, b"", retain=True)
        assert (await state_of(office, "")).problems == ()
        assert shop.faults.sentences() == ()


async def test_a_hundred_repeats_are_one_grant(shop: Shop, who: Who, office: Office) -> None:
    holder = Box(who("box-1"))
    holder.transport.desk = shop.pushes
    async with holder:
        for number in range(100):
            config = {"format": 1, "id": f"p-{number}", "grants": [grant()]}
            await office.say(wire.CONFIG, config)
        assert (await state_of(office, "p-99")).grants == ("c-1",)
    assert len(await shop.grants()) == 1
