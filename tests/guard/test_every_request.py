"""Every request there is: who may ask it is settled here, and what changes the box is told.

A request that is new, or whose role changes, stands in none of these lists until somebody has
thought about it.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest

from gateway.backup.messages import MakeBackup
from gateway.guard.messages import AuditEntry, EndSession, EndSessions, GetAudit, GetSessions
from gateway.host import messages as host
from gateway.messages import (
    AnyRequest,
    GetSettings,
    GetStatus,
    Hello,
    IssueGrant,
    PutSettings,
    Request,
    SetPin,
    VoidGrant,
)
from gateway.model import ButtonKind, Role
from gateway.setup import claim
from gateway.setup import messages as setup
from gateway.setup.messages import SettingsEdit, SetupStep
from gateway.setup.pager_messages import SetPager
from gateway.simulator.shop import PINS, SimulatedShop
from gateway.transfer.messages import Purpose
from tests.anew import anew
from tests.backup.conftest import backup, send
from tests.webui.fake_host import fake_host, gateway_with_host

OPEN: Final = "hello login logout claim"
STAFF: Final = """
    whoami status alerts offers causes staff buttons subscribe devices faults playbook sessions
    cases case guidance look_up_customer leader_boards grants
    acknowledge contact withdraw resolve describe_case name_customer call_security confirm_test
    grant redeem redeem_scanned undo_redeem spend
    set_pin end_session end_sessions
"""
MANAGER: Final = "records insights rules try_rules page pager try_signal void forget_customer"
OWNER: Final = """
    settings settings_history past_settings check_settings setup host audit get_restore
    press press_pin try_page learn_button mark_step finish_setup apply_settings
    put_settings edit_settings replace_settings set_shop set_transmitter place_button remove_button
    add_person remove_person set_server set_pager undo_step
    set_clock set_box_name set_box_wifi set_access_point apply_update restart_box factory_reset
    make_backup make_bundle restore undo_restore rotate_key backup_to_stick backup_from_stick
    backup_failed
    begin_upload send_piece read_piece
"""

TOLD: Final = """
    claim set_pin end_session end_sessions void forget_customer rotate_key
    put_settings edit_settings replace_settings set_shop set_transmitter place_button remove_button
    add_person remove_person set_server set_pager undo_step
    set_clock set_box_name set_box_wifi set_access_point apply_update restart_box factory_reset
    make_backup make_bundle restore undo_restore backup_to_stick
"""
"""What changes the box, or takes something out of it: the audit log names who did it."""
NOT_CHANGES: Final = """
    status setup settings settings_history past_settings check_settings host audit get_restore
    records insights rules try_rules page pager try_signal press press_pin try_page
    learn_button mark_step finish_setup apply_settings
    begin_upload send_piece read_piece backup_from_stick backup_failed
"""
"""What managers and owners look at, try, or hand over a piece of."""

TOKEN: Final = "a-token-that-pays"
WIFI: Final = "the-wifi-password"
NEW_PIN: Final = "739164"
SECRETS: Final = (*PINS.values(), TOKEN, WIFI, NEW_PIN, "argon2")

KINDS: Final[dict[str, type[Request[Any]]]] = {
    kind.__struct_config__.tag: kind for kind in get_args(AnyRequest)
}
Ask = Callable[[SimulatedShop], Awaitable[Request[Any]]]


@pytest.mark.parametrize(
    ("words", "needs"),
    [(OPEN, None), (STAFF, Role.STAFF), (MANAGER, Role.MANAGER), (OWNER, Role.OWNER)],
)
def test_each_needs_the_role_it_is_meant_to(words: str, needs: Role | None) -> None:
    assert {tag for tag, kind in KINDS.items() if kind.needs is needs} == set(words.split())


def test_each_that_changes_the_box_is_told() -> None:
    told = set(TOLD.split())
    above_staff = {*MANAGER.split(), *OWNER.split()}
    assert above_staff - told == set(NOT_CHANGES.split()) - {"status"}
    assert told - above_staff == {"claim", "set_pin", "end_session", "end_sessions"}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    """With a host to ask, that does nothing."""
    socket = tmp_path / "host.sock"
    with fake_host(socket):
        async with SimulatedShop(tmp_path, under=gateway_with_host(socket)) as opened:
            yield opened


async def audit(shop: SimulatedShop) -> tuple[AuditEntry, ...]:
    return await shop.ask(GetAudit())


def plainly(request: Request[Any]) -> Ask:
    async def made(_: SimulatedShop) -> Request[Any]:
        return request

    return made


async def _session(shop: SimulatedShop) -> Request[Any]:
    await shop.sign_in("manager")
    found = await shop.ask(GetSessions())
    return EndSession(session=next(each.id for each in found if each.staff == "manager"))


async def _text(shop: SimulatedShop) -> Request[Any]:
    now = await shop.ask(GetSettings())
    return PutSettings(text=f"# by hand\n{now.text}", replaces_sha256=now.sha256)


async def _whole_text(shop: SimulatedShop) -> Request[Any]:
    now = await shop.ask(GetSettings())
    text = now.text.replace("burst_s = 11", "burst_s = 12")
    return setup.ReplaceSettings(text=text, replaces_sha256=now.sha256)


async def _edit(shop: SimulatedShop) -> Request[Any]:
    edit = SettingsEdit(path=("ladder", "burst_s"), value=11)
    return setup.EditSettings(edits=(edit,), replaces_sha256=(await shop.ask(GetSettings())).sha256)


async def _grant(shop: SimulatedShop) -> Request[Any]:
    grant = (await shop.ask(IssueGrant(request="r", offer="souvenir"))).grant
    return VoidGrant(code=grant.code, reason="a slip")


async def _update(shop: SimulatedShop) -> Request[Any]:
    return host.ApplyUpdate(file=await send(shop, b"a bundle", Purpose.UPDATE))


async def _to_stick(shop: SimulatedShop) -> Request[Any]:
    made = await shop.ask(MakeBackup())
    return host.BackupToStick(file=made.id, name=made.name, stick="sda1")


async def _reset(shop: SimulatedShop) -> Request[Any]:
    return host.FactoryReset(device=(await shop.ask(GetStatus())).device)


DONE: Final[dict[str, Ask]] = {
    "set_pin": plainly(SetPin(staff="barista", pin=NEW_PIN)),
    "end_session": _session,
    "end_sessions": plainly(EndSessions(staff="manager")),
    "void": _grant,
    "forget_customer": plainly(KINDS["forget_customer"](account="customer-1")),
    "rotate_key": plainly(KINDS["rotate_key"]()),
    "put_settings": _text,
    "edit_settings": _edit,
    "replace_settings": _whole_text,
    "set_pager": plainly(SetPager(pager="watch-1", charset="philips_prg")),
    "set_shop": plainly(setup.SetShop(name="Another", timezone="UTC")),
    "place_button": plainly(setup.PlaceButton(pin=12, kind=ButtonKind.HAPPY)),
    "remove_button": plainly(setup.RemoveButton(name="hall-call")),
    "add_person": plainly(setup.AddPerson(name="Zoe", pin=NEW_PIN)),
    "remove_person": plainly(setup.RemovePerson(name="Zoe")),
    "set_server": plainly(setup.SetServer(address="127.0.0.1:50051", token=TOKEN)),
    "undo_step": plainly(setup.UndoStep(step=SetupStep.SERVER)),
    "set_box_name": plainly(host.SetBoxName(name="pager-1")),
    "set_box_wifi": plainly(host.SetBoxWifi(ssid="Shop", password=WIFI)),
    "set_access_point": plainly(host.SetAccessPoint(is_open=True)),
    "apply_update": _update,
    "restart_box": plainly(host.RestartBox()),
    "factory_reset": _reset,
    "make_backup": plainly(KINDS["make_backup"]()),
    "backup_to_stick": _to_stick,
    "make_bundle": plainly(KINDS["make_bundle"]()),
}
ELSEWHERE: Final = {
    "claim": "below, on a box that nobody owns",
    "restore": "below: the gateway starts anew",
    "undo_restore": "below",
    "set_transmitter": "below, on a box without one",
    "set_clock": "tests/host/test_service.py: this machine's clock is right",
}


def test_each_is_done_by_a_test() -> None:
    assert {*DONE, *ELSEWHERE} == set(TOLD.split())


async def idle(shop: SimulatedShop) -> None:
    """Return once the host has come to the end of what was asked before."""
    while (await shop.ask(host.GetHost())).job.running:
        pass


async def test_the_log_names_who_did_each_and_no_secret(shop: SimulatedShop) -> None:
    owner = (await shop.sign_in("owner")).token
    for tag, ask in DONE.items():
        await idle(shop)
        request = await ask(shop)
        assert type(request) is KINDS[tag]
        before = await audit(shop)
        await shop.ask(request, owner)
        new = (await audit(shop))[: -len(before) or None]
        assert new, tag
        assert {entry.by for entry in new} == {"owner"}, tag
    # When it was, and a file that is named after that, may have a PIN's digits among theirs.
    told = repr([msgspec.structs.replace(entry, at_s=0) for entry in await audit(shop)])
    alone = (rf"(?<!\d){re.escape(secret)}(?!\d)" for secret in SECRETS)
    assert [secret for secret in alone if re.search(secret, told)] == []


async def test_a_restore_and_the_way_back_are_told(shop: SimulatedShop) -> None:
    name = await send(shop, await backup(shop))
    owner = (await shop.sign_in("owner")).token
    for request, deed in (
        (KINDS["restore"](file=name, passphrase="coffee and cake", put=True), "restored"),
        (KINDS["undo_restore"](), "restore_undone"),
    ):
        life = (await shop.ask(Hello())).life
        await shop.ask(request, owner)
        await anew(shop, life)
        told = {(entry.deed, entry.by) for entry in await audit(shop)}
        assert (deed, "owner") in told
        owner = (await shop.sign_in("owner")).token


async def test_whoever_claims_the_box_is_the_first_in_its_log(tmp_path: Path) -> None:
    async with SimulatedShop(tmp_path, fresh=True) as shop:
        code = claim.read(Path(shop.config.paths.state))
        wish = setup.Claim(
            code=code, name="Olga", password=WIFI, language=shop.config.shop.language
        )
        token = (await shop.ask(wish)).token
        (port,) = (await shop.ask(setup.GetSetup())).ports
        wanted = setup.SetTransmitter(port=port.path, driver="tap", address="1001")
        await shop.ask(wanted, token)
        found = await audit(shop)
    assert [(entry.deed, entry.by) for entry in found] == [
        ("settings_changed", "Olga"), ("pin_set", "Olga"), ("settings_changed", "Olga")
    ]  # fmt: skip
    assert WIFI not in repr(found)
