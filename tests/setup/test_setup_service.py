"""The wizard's requests to a real daemon, and its starting anew."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.config.check import check
from gateway.errors import Refused
from gateway.messages import GetSettings, GetStatus, Hello, Login, PutSettings, SetPin
from gateway.model import ButtonKind, Language, ReceiptState
from gateway.setup import claim
from gateway.setup.device_messages import GetDevices
from gateway.setup.messages import (
    AddPerson,
    CheckSettings,
    Claim,
    EditSettings,
    GetHistory,
    GetPastSettings,
    GetSetup,
    LearnButton,
    MarkStep,
    PlaceButton,
    PressPin,
    RemoveButton,
    ReplaceSettings,
    SetServer,
    SetShop,
    SettingsEdit,
    SetTransmitter,
    SetupStep,
    StepState,
    TryPage,
    UndoStep,
)
from gateway.simulator.shop import SimulatedShop
from tests.setup.applied import applied

PASSWORD = "coffee and cake"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SimulatedShop]:
    async with SimulatedShop(tmp_path, fresh=True) as opened:
        yield opened


async def own(shop: SimulatedShop, code: str | None = None) -> str:
    printed = claim.read(Path(shop.config.paths.state)) if code is None else code
    wanted = Claim(code=printed, name="Owner", password=PASSWORD, language=Language.RU)
    return (await shop.ask(wanted)).token


async def with_transmitter(shop: SimulatedShop) -> None:
    (port,) = (await shop.ask(GetSetup())).ports
    await shop.ask(SetTransmitter(port=port.path, driver="tap", address="1001"))
    await applied(shop)


async def receipt(shop: SimulatedShop) -> ReceiptState:
    async with asyncio.timeout(5):
        while True:
            tried = (await shop.ask(GetSetup())).page
            if tried is not None and tried.receipt is not None:
                return tried.receipt.state


async def test_a_fresh_box_runs_and_has_no_owner(shop: SimulatedShop) -> None:
    hello = await shop.ask(Hello())
    assert (hello.claimed, hello.staff) == (False, ())
    assert (await shop.ask(GetStatus())).faults == ()


async def test_one_of_many_who_claim_at_once_owns_it(shop: SimulatedShop) -> None:
    answers = await asyncio.gather(*(own(shop) for _ in range(6)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refused) == 5
    assert {refusal.code for refusal in refused} == {"claimed"}
    assert (await shop.ask(Hello())).staff == ("Owner",)
    await shop.ask(Login(staff="Owner", pin=PASSWORD))


async def test_a_session_of_the_claim_outlives_starting_anew(shop: SimulatedShop) -> None:
    token = await own(shop)
    await applied(shop)
    view = await shop.ask(GetSetup(), token)
    assert view.applied
    assert view.shop.language is Language.RU


async def test_wrong_codes_lock_the_right_one_out(shop: SimulatedShop) -> None:
    for _ in range(5):
        with pytest.raises(Refused) as wrong:
            await own(shop, "0000-0000")
        assert wrong.value.code == "bad_code"
    await shop.stop_gateway()
    await shop.start_gateway()
    with pytest.raises(Refused) as locked:
        await own(shop)
    assert locked.value.code == "locked_out"


async def test_a_page_goes_out_on_what_was_just_set_up(shop: SimulatedShop) -> None:
    await own(shop)
    with pytest.raises(Refused):
        await shop.ask(TryPage())
    await with_transmitter(shop)
    view = await shop.ask(TryPage())
    page = await asyncio.to_thread(shop.terminal.wait_for_page, 5.0)
    assert page is not None
    assert view.page is not None
    assert page.text == view.page.text
    assert await receipt(shop) is ReceiptState.ACCEPTED


async def test_a_button_is_learned_placed_and_pages(shop: SimulatedShop) -> None:
    await own(shop)
    await with_transmitter(shop)
    asked = asyncio.create_task(shop.ask(LearnButton(wait_s=10)))
    while (await shop.ask(GetSetup())).learning.left_s == 0:
        pass
    await shop.ask(PressPin(pin=17))
    learned = await asked
    assert (learned.pin, learned.normally_closed, learned.placed) == (17, False, None)
    await shop.ask(PlaceButton(pin=17, kind=ButtonKind.VERY_UNHAPPY))
    await shop.ask(PressPin(pin=17))  # it is listening again
    view = await shop.ask(GetSetup())
    assert view.learning.placed == "very-unhappy"
    await applied(shop)
    await shop.ask(LearnButton())
    await shop.ask(PressPin(pin=17))
    assert await asyncio.to_thread(shop.terminal.wait_for_page, 5.0) is not None
    assert (await shop.ask(GetSetup())).learning.placed == "very-unhappy"
    assert "very-unhappy" in (await shop.ask(GetDevices())).pressed


async def test_a_step_is_undone_after_a_restart_too(shop: SimulatedShop) -> None:
    await own(shop)
    await shop.ask(SetShop(name="First", timezone="UTC"))
    await applied(shop)
    await shop.ask(SetShop(name="Second", timezone="Europe/Moscow"))
    view = await shop.ask(UndoStep(step=SetupStep.SHOP))
    assert (view.shop.name, view.shop.timezone) == ("ACHIVX", "UTC")
    assert view.states[SetupStep.SHOP] is StepState.OPEN
    marked = await shop.ask(MarkStep(step=SetupStep.SHOP, state=StepState.SKIPPED))
    assert marked.current is SetupStep.TRANSMITTER


async def test_the_transmitter_can_be_undone_though_somebody_wears_its_pager(
    shop: SimulatedShop,
) -> None:
    await own(shop)
    await with_transmitter(shop)
    await shop.ask(PlaceButton(pin=17, kind=ButtonKind.CALL))
    with pytest.raises(Refused, match="pages"):
        await shop.ask(UndoStep(step=SetupStep.TRANSMITTER))
    await shop.ask(RemoveButton(name="call"))
    view = await shop.ask(UndoStep(step=SetupStep.TRANSMITTER))
    assert (view.transmitters, view.pagers) == ((), ())
    assert [person.pager for person in view.staff] == [None]


async def test_two_browsers_that_learn_at_once_hear_the_same_press(shop: SimulatedShop) -> None:
    await own(shop)
    await asyncio.gather(*(shop.ask(LearnButton()) for _ in range(4)))
    await shop.ask(PressPin(pin=17))
    assert (await shop.ask(GetSetup())).learning.pin == 17


async def test_the_token_of_the_server_is_in_no_settings(shop: SimulatedShop) -> None:
    await own(shop)
    await shop.ask(SetServer(address="127.0.0.1:50051", token="very secret"))
    assert "very secret" not in (await shop.ask(GetSettings())).text
    path = Path(shop.config.paths.state) / "achivx.token"
    assert path.read_text().strip() == "very secret"
    assert path.stat().st_mode & 0o077 == 0


async def test_nothing_is_kept_of_a_server_that_is_refused(shop: SimulatedShop) -> None:
    await own(shop)
    await shop.ask(SetServer(address="127.0.0.1:50051", token="of before"))
    before = await shop.ask(GetSettings())
    with pytest.raises(Refused) as wrong:
        await shop.ask(SetServer(address="no address", token="of another"))
    assert wrong.value.code == "not_valid"
    token = Path(shop.config.paths.state) / "achivx.token"
    assert token.read_text().strip() == "of before"
    token.unlink()
    token.mkdir()  # a disk that takes no token
    with pytest.raises(Refused) as full:
        await shop.ask(SetServer(address="127.0.0.1:50052", token="of another"))
    assert full.value.code == "not_kept"
    assert await shop.ask(GetSettings()) == before


@pytest.mark.parametrize("pin", ["123", "0000", "4567", "9876", "x" * 33])
async def test_nothing_is_kept_of_a_person_with_a_weak_pin(shop: SimulatedShop, pin: str) -> None:
    await own(shop)
    before = await shop.ask(GetSettings())
    with pytest.raises(Refused) as weak:
        await shop.ask(AddPerson(name="Anna", new_watch=True, pin=pin))
    assert weak.value.code == "weak_pin"
    assert await shop.ask(GetSettings()) == before
    view = await shop.ask(AddPerson(name="Anna", new_watch=True, pin="2580"))
    assert len(view.pagers) == 1
    await shop.ask(Login(staff="Anna", pin="2580"))


async def test_nobody_owns_the_box_by_a_password_that_is_refused(shop: SimulatedShop) -> None:
    code = claim.read(Path(shop.config.paths.state))
    with pytest.raises(Refused) as weak:
        await shop.ask(Claim(code=code, name="Owner", password="12345678", language=Language.RU))
    assert weak.value.code == "weak_pin"
    assert (await shop.ask(Hello())).staff == ()


async def test_a_transmitter_waits_for_an_owner(shop: SimulatedShop) -> None:
    before = await shop.ask(GetSettings())
    with pytest.raises(Refused) as early:
        await shop.ask(SetTransmitter(port="/dev/ttyUSB0", driver="tap", address="1001"))
    assert early.value.code == "unknown_staff"
    assert await shop.ask(GetSettings()) == before


async def test_settings_that_cannot_be_started_on_are_taken_back(shop: SimulatedShop) -> None:
    await own(shop)
    await applied(shop)
    good = await shop.ask(GetSettings())
    # Right by every rule, and no gateway can make a socket there.
    text = good.text.replace(str(shop.control_socket), "/proc/nowhere/control.sock")
    assert check(text)[0] is not None
    await shop.ask(PutSettings(text=text, replaces_sha256=good.sha256))
    await applied(shop)
    assert (await shop.ask(GetSettings())).text == good.text
    (fault,) = (await shop.ask(GetStatus())).faults
    assert "cannot be started on" in fault
    assert shop.config_file.read_text() == good.text


async def test_a_change_is_checked_written_and_told(shop: SimulatedShop) -> None:
    await own(shop)
    now = await shop.ask(GetSettings())
    wrong = SettingsEdit(("shop", "timezone"), "Mars/Phobos")
    result = await shop.ask(EditSettings(edits=(wrong,), replaces_sha256=now.sha256))
    assert [problem.where for problem in result.problems] == ["shop.timezone"]
    assert (await shop.ask(GetSettings())) == now
    right = SettingsEdit(("ladder", "repeat_s"), 60)
    result = await shop.ask(EditSettings(edits=(right,), replaces_sha256=now.sha256))
    assert (result.problems, result.keys, result.applied) == ((), ("ladder",), False)
    with pytest.raises(Refused) as stale:
        await shop.ask(EditSettings(edits=(right,), replaces_sha256=now.sha256))
    assert stale.value.code == "settings_changed"
    history = await shop.ask(GetHistory())
    assert history.changes[0].keys == ("ladder",)
    assert await shop.ask(GetPastSettings(number=history.past[0].number)) == now.text
    back = await shop.ask(ReplaceSettings(text=now.text, replaces_sha256=result.sha256))
    assert back.sha256 == now.sha256
    checked = await shop.ask(CheckSettings(text="[shop\n"))
    assert checked.problems[0].line == 1


async def test_starting_anew_is_quick_and_repeatable(shop: SimulatedShop) -> None:
    await own(shop)
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(5):
        began = loop.time()
        await applied(shop)
        times.append(loop.time() - began)
    assert sorted(times)[2] < 1.0
    await shop.ask(SetPin(staff="Owner", pin="2580-2580"))
    assert shop.gateway is not None
    assert shop.gateway.process.returncode is None


async def test_starting_anew_leaves_nothing_behind(shop: SimulatedShop) -> None:
    assert shop.gateway is not None
    status = Path(f"/proc/{shop.gateway.process.pid}")
    await applied(shop)
    before = len(list((status / "fd").iterdir())), len(list((status / "task").iterdir()))
    for _ in range(5):
        await applied(shop)
    after = len(list((status / "fd").iterdir())), len(list((status / "task").iterdir()))
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 1
