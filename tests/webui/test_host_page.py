"""Update, restart, factory reset, network and clock on the page: real gateway, a host's socket."""

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import gateway.host.client
import webui.client
import webui.host
from gateway.host import verbs
from gateway.host.messages import GetHost
from gateway.host.reset import RESET_MARK
from gateway.host.verbs import Reply
from gateway.messages import GetStatus
from gateway.transfer import DIRECTORY
from tests.webui.fake_host import FakeHost
from tests.webui.live_shop import LiveShop, said

BOX = "/settings/box"
NETWORK = "/settings/network"
TORN = Reply(code="torn", words="the bundle is not whole")


@pytest.fixture
def live(hosted: LiveShop) -> LiveShop:
    return hosted


def update(data: bytes) -> dict[str, object]:
    return {"file": (io.BytesIO(data), "box.achivx")}


def await_host(live: LiveShop, holds: Callable[[bool], bool]) -> None:
    """Until a slow thing of the host is under way, or over."""
    until = time.monotonic() + 20
    while not holds(live.ask(GetHost()).job.running):
        assert time.monotonic() < until, "the host's work did not come to its end"


def await_end(live: LiveShop) -> None:
    await_host(live, lambda running: not running)


class TestUpdate:
    def test_it_arrives_whole_and_its_progress_is_told(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        host.hold.clear()
        data = b"x" * 1_200_000  # three pieces
        assert "The update is being checked" in said(owner, f"{BOX}/update", update(data))
        await_host(live, lambda running: running)
        uploaded = Path(live.shop.directory) / "state" / DIRECTORY / verbs.UPLOAD
        assert uploaded.read_bytes() == data
        assert "An update is under way." in owner.get(BOX).text
        assert "too much to do" in said(owner, f"{BOX}/update", update(b"another"))
        assert uploaded.read_bytes() == data
        host.hold.set()
        await_end(live)
        assert "An update is under way." not in owner.get(BOX).text
        (asked,) = host.of(verbs.ApplyUpdate)
        assert (asked.stick, asked.allow_older) == ("", False)

    @pytest.mark.parametrize(
        ("code", "english", "russian"),
        [
            ("torn", "The update is damaged or not whole.", "Обновление повреждено или не цело."),
            ("not_signed", "is not signed by the maker", "не подписано изготовителем"),
            ("older", "is older than what runs here", "старее того, что здесь работает"),
            ("no_room", "not enough room on the card", "не хватает места"),
            ("no_key", "This box trusts no key", "не доверяет ни одному ключу"),
        ],
    )
    def test_why_it_was_not_taken_is_said_in_both_languages(
        self,
        owner: FlaskClient,
        live: LiveShop,
        host: FakeHost,
        code: str,
        english: str,
        russian: str,
    ) -> None:
        host.refuse[verbs.ApplyUpdate] = Reply(code=code, words="in plain words")
        said(owner, f"{BOX}/update", update(b"no bundle"))
        await_end(live)
        assert english in owner.get(BOX).text
        owner.set_cookie("language", "ru")
        assert russian in owner.get(BOX).text

    def test_an_empty_file_is_no_update(self, owner: FlaskClient, host: FakeHost) -> None:
        assert "There is no update to read." in said(owner, f"{BOX}/update", update(b""))
        assert host.of(verbs.ApplyUpdate) == []

    def test_without_a_file_nothing_is_asked(self, owner: FlaskClient, host: FakeHost) -> None:
        assert "Choose the file of the update first." in said(owner, f"{BOX}/update", {})
        assert host.of(verbs.ApplyUpdate) == []


class TestRestart:
    def test_it_is_asked_for_once_and_said(self, owner: FlaskClient, host: FakeHost) -> None:
        assert "half a minute without pages" in said(owner, f"{BOX}/restart", {})
        assert host.of(verbs.RestartBox) == [verbs.RestartBox()]

    def test_a_host_that_cannot_is_told(self, owner: FlaskClient, host: FakeHost) -> None:
        host.refuse[verbs.RestartBox] = Reply(code="host_failed", words="no")
        assert "The box could not do it." in said(owner, f"{BOX}/restart", {})
        owner.set_cookie("language", "ru")
        assert "Устройство не смогло" in said(owner, f"{BOX}/restart", {})


class TestFactoryReset:
    def test_only_whoever_types_the_id_resets(self, owner: FlaskClient, live: LiveShop) -> None:
        mark = Path(live.shop.directory) / "state" / RESET_MARK
        device = live.ask(GetStatus()).device
        assert f"Type the box's id to confirm: {device}" in owner.get(BOX).text
        for typed in ("", "yes", device[:-1], device.upper() + "x"):
            assert "not the id of this box" in said(owner, f"{BOX}/reset", {"typed": typed})
            assert not mark.exists()
        assert "is asked for" in said(owner, f"{BOX}/reset", {"typed": f" {device} "})
        assert mark.exists()
        assert any("factory-reset" in fault for fault in live.ask(GetStatus()).faults)


class TestNetwork:
    def test_a_wifi_is_joined_and_what_came_of_it_is_told(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        host.hold.clear()
        wifi = {"ssid": "Shop", "password": "coffee and cake"}
        assert "the network before stays" in said(owner, f"{NETWORK}/wifi", wifi)
        await_host(live, lambda running: running)
        assert "The box is changing over." in owner.get(NETWORK).text
        host.hold.set()
        await_end(live)
        assert "The latest change was done." in owner.get(NETWORK).text
        assert host.of(verbs.SetWifi) == [verbs.SetWifi("Shop", "coffee and cake")]

    def test_one_that_cannot_be_joined_says_what_to_compare(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        host.refuse[verbs.SetWifi] = Reply(code="not_joined", words="wrong password")
        said(owner, f"{NETWORK}/wifi", {"ssid": "Shop", "password": "another one"})
        await_end(live)
        assert "Compare its name and password." in owner.get(NETWORK).text
        owner.set_cookie("language", "ru")
        assert "Сверьте имя и пароль." in owner.get(NETWORK).text
        assert "another one" not in owner.get(NETWORK).text

    def test_the_hosts_own_checks_are_told(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        answer = owner.post(f"{NETWORK}/name", data={"name": "-box-"})
        assert answer.status_code == 422
        assert "This cannot be right." in answer.text
        assert 'name="name" value="-box-"' in answer.text  # to be put right, not typed anew
        said(owner, f"{NETWORK}/wifi", {"ssid": "Shop", "password": "short"})
        await_end(live)
        assert "This cannot be right." in owner.get(NETWORK).text
        assert host.of(verbs.SetWifi) == host.of(verbs.SetHostname) == []

    def test_name_and_access_point(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        assert "box-7.local" in said(owner, f"{NETWORK}/name", {"name": " Box-7 "})
        for do, verb in (("open", verbs.OpenAccessPoint), ("close", verbs.CloseAccessPoint)):
            said(owner, f"{NETWORK}/access-point", {"do": do})
            await_end(live)
            assert host.of(verb) == [verb()]
        assert host.of(verbs.SetHostname) == [verbs.SetHostname("box-7")]

    def test_a_clock_is_set_only_where_no_network_does(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        synced = live.ask(GetStatus()).clock.synced
        form = 'type="datetime-local"' in owner.get(NETWORK).text
        assert form is not synced
        words = said(owner, f"{NETWORK}/clock", {"time": "2026-11-22T10:00"})
        assert ("comes from the network" in words) is synced
        assert bool(host.of(verbs.SetClock)) is not synced
        assert "This cannot be right." in said(owner, f"{NETWORK}/clock", {"time": "soon"})


def test_a_host_that_fails_takes_no_backup_along(owner: FlaskClient, host: FakeHost) -> None:
    host.refuse[verbs.ListSticks] = Reply(code="host_failed", words="no")
    page = owner.get(BOX)
    assert page.status_code == 200
    assert "The box could not do it." in page.text
    assert not re.search(r'action="/settings/box/(update|restart|reset)', page.text)
    for made in ("backup", "bundle"):
        assert f'action="{BOX}/{made}"' in page.text
        assert len(owner.post(f"{BOX}/{made}").data) > 1000


def test_all_of_it_is_the_owners(owner: FlaskClient, host: FakeHost) -> None:
    stranger = owner.application.test_client()
    for path in ("update", "restart", "reset"):
        assert stranger.post(f"{BOX}/{path}").location.startswith("/login")
    for path in ("wifi", "name", "access-point", "clock"):
        assert stranger.post(f"{NETWORK}/{path}").location.startswith("/login")
    assert {type(verb) for verb in host.asked} <= {verbs.ListSticks}


class TestWithoutHost:
    """An installation beside other things that the machine does."""

    @pytest.fixture
    def live(self, place: Path) -> Iterator[LiveShop]:
        started = LiveShop(place)
        yield started
        started.close()

    @pytest.mark.parametrize(
        ("language", "words"),
        [("en", "This machine is no appliance."), ("ru", "Эта машина не")],
    )
    def test_each_page_says_who_does_it_and_has_no_button(
        self, owner: FlaskClient, language: str, words: str
    ) -> None:
        owner.set_cookie("language", language)
        for page in (BOX, NETWORK):
            text = owner.get(page).text
            assert words in text
            assert not re.search(r'action="/settings/(network|box/(update|restart|reset))', text)

    def test_a_form_of_before_is_answered_so_too(self, owner: FlaskClient) -> None:
        for path in (f"{BOX}/restart", f"{NETWORK}/access-point", f"{BOX}/reset"):
            assert "This machine is no appliance." in said(owner, path, {})


def test_the_page_is_more_patient_than_the_gateway_is_with_the_host() -> None:
    """A small board starts the host's program for each look, and needs seconds for that."""
    assert webui.client.ANSWER_S < gateway.host.client.ANSWER_S < webui.host.ANSWER_S
