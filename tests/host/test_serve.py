"""The helper as systemd starts it: a process for each connection of a real socket."""

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.host import verbs
from gateway.host.client import HostClient
from gateway.host.releases import Releases
from gateway.host.verbs import Reply
from gateway.host.work import Places
from tests.host.conftest import NEW, OLD, Activated, Keys, MakeBundle


def ask(helper: Activated, verb: verbs.AnyVerb) -> Reply:
    return asyncio.run(HostClient(helper.path).ask(verb))


def refused(helper: Activated, verb: verbs.AnyVerb) -> Refused:
    with pytest.raises(Refused) as caught:
        ask(helper, verb)
    return caught.value


class TestDoor:
    def test_only_the_gateways_user_may_ask(self, root: Path, tmp_path: Path) -> None:
        helper = Activated(root, tmp_path / "host.sock", "nobody")
        try:
            assert refused(helper, verbs.ListSticks()).code == "forbidden"
            assert f"refused to user {os.getuid()}" in helper.said()
        finally:
            helper.close()

    @pytest.mark.parametrize(
        "line",
        [
            b"hello\n",
            b"{}\n",
            b'{"verb":"format_disk"}\n',
            b'{"verb":"set_hostname","name":7}\n',
            b"[" * 4000 + b"\n",
            b"\xff\n",
        ],
    )
    def test_nothing_but_its_verbs(self, helper: Activated, line: bytes) -> None:
        assert helper.send(line).code == "bad_request"

    def test_no_more_than_a_short_line(self, helper: Activated) -> None:
        reply = helper.send(b" " * (verbs.REQUEST_BYTES + 1))
        assert (reply.code, "4096 bytes" in reply.words) == ("bad_request", True)

    def test_whoever_hangs_up_in_the_middle_is_no_matter(self, helper: Activated) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(helper.path))
            connection.sendall(b'{"verb":')
        assert ask(helper, verbs.ListSticks()) == Reply()

    def test_a_password_is_never_logged(self, helper: Activated) -> None:
        refused(helper, verbs.SetWifi("x" * 40, "coffee and cake"))
        helper.send(b'{"verb":"set_wifi","ssid":1,"password":"coffee and cake"}\n')
        assert "set_wifi" in helper.said()
        assert "coffee" not in helper.said()


class TestChecks:
    @pytest.mark.parametrize(
        "verb",
        [
            verbs.SetClock(0.0),
            verbs.SetClock(4e9 * 100),
            verbs.SetClock(float("inf")),
            verbs.SetHostname(""),
            verbs.SetHostname("-x"),
            verbs.SetHostname("a.b"),
            verbs.SetHostname("x" * 64),
            verbs.SetHostname("--help"),
            verbs.SetHostname("x\n"),
            verbs.SetWifi(""),
            verbs.SetWifi("Я" * 17),
            verbs.SetWifi("a\nb"),
            verbs.SetWifi("Shop", "1234567"),
            verbs.SetWifi("Shop", "x" * 64),
            verbs.SetWifi("Shop", "пароль-пароль"),
            verbs.SetWifi("Shop", "12345678\n[ipv4]"),
            verbs.ApplyUpdate(stick="../../etc/shadow"),
            verbs.ApplyUpdate(stick="sda1/../x.achivx"),
            verbs.ApplyUpdate(stick="/x.achivx"),
            verbs.ApplyUpdate(pager="x\n"),
            verbs.ApplyUpdate(working=("x",) * 17),
        ],
    )
    def test_a_value_that_is_not_sound_is_refused(self, verb: verbs.AnyVerb) -> None:
        with pytest.raises(Refused) as caught:
            verbs.check(verb, built_s=1.7e9)
        assert caught.value.code == "bad_value"

    @pytest.mark.parametrize(
        "verb",
        [
            verbs.SetClock(1.8e9),
            verbs.SetHostname("pager-1"),
            verbs.SetWifi("Café; 1", "p\\w d;#1"),
            verbs.SetWifi("guests"),
            verbs.ApplyUpdate(stick="sda1/achivx-0.2.0.achivx", working=("main",), pager="Ann"),
        ],
    )
    def test_one_that_is_passes(self, verb: verbs.AnyVerb) -> None:
        verbs.check(verb, built_s=1.7e9)


class TestUpdate:
    @pytest.fixture(autouse=True)
    def _trusted(self, root: Path, keys: Keys) -> None:
        place = root / "etc/achivx-host/update.pem"
        place.parent.mkdir(parents=True)
        shutil.copy(keys.public, place)

    def upload(self, root: Path, bundle: Path) -> None:
        uploads = Places(root).uploads
        uploads.mkdir(parents=True, exist_ok=True)
        shutil.copy(bundle, uploads / verbs.UPLOAD)

    def test_an_upload_is_put_on_trial(
        self, helper: Activated, root: Path, home: Path, make_bundle: MakeBundle
    ) -> None:
        self.upload(root, make_bundle())
        ask(helper, verbs.ApplyUpdate(working=("main",), pager="watch-1"))
        trial = Releases(home).trial()
        assert trial is not None
        assert (trial.release, trial.back_to, trial.pager) == (NEW, OLD, "watch-1")
        assert (home / "releases" / NEW / "complete").exists()
        assert Releases(home).target("judge") == OLD
        assert refused(helper, verbs.ApplyUpdate()).code == "busy"

    def test_a_stick_is_listed_and_taken(
        self, helper: Activated, root: Path, home: Path, make_bundle: MakeBundle
    ) -> None:
        stick = root / "run/achivx-sticks/sda1"
        stick.mkdir(parents=True)
        shutil.copy(make_bundle(), stick / "new.achivx")
        (stick / "holiday.jpg").touch()
        (stick / "-rf.achivx").touch()
        (found,) = ask(helper, verbs.ListSticks()).sticks
        assert [update.name for update in found.updates] == ["sda1/new.achivx"]
        ask(helper, verbs.ApplyUpdate(stick="sda1/new.achivx"))
        assert Releases(home).trial() is not None

    def test_one_that_is_refused_changes_nothing(
        self, helper: Activated, root: Path, home: Path, make_bundle: MakeBundle
    ) -> None:
        for release, code in (("0.0.9-bbbbbbbbbbbb", "older"), (OLD, "same_release")):
            self.upload(root, make_bundle(release=release))
            assert refused(helper, verbs.ApplyUpdate()).code == code
        (Places(root).uploads / verbs.UPLOAD).write_bytes(b"no bundle")
        assert refused(helper, verbs.ApplyUpdate()).code == "torn"
        assert {path.name for path in home.iterdir()} == {"current", "releases"}
        assert [path.name for path in (home / "releases").iterdir()] == [OLD]
        assert Releases(home).trial() is None
        self.upload(root, make_bundle(release="0.0.9-bbbbbbbbbbbb"))
        ask(helper, verbs.ApplyUpdate(allow_older=True))

    def test_nothing_is_read_through_a_link_or_a_pipe(self, helper: Activated, root: Path) -> None:
        uploads = Places(root).uploads
        uploads.mkdir(parents=True)
        upload = uploads / verbs.UPLOAD
        assert refused(helper, verbs.ApplyUpdate()).code == "no_bundle"
        upload.symlink_to("/etc/passwd")
        assert refused(helper, verbs.ApplyUpdate()).code == "no_bundle"
        upload.unlink()
        os.mkfifo(upload)
        assert refused(helper, verbs.ApplyUpdate()).code == "no_bundle"
        shutil.rmtree(uploads)
        uploads.symlink_to("/etc")
        assert refused(helper, verbs.ApplyUpdate()).code == "no_bundle"

    def test_one_that_is_under_way_is_waited_for(self, helper: Activated, home: Path) -> None:
        with Releases(home).locked(wait=True):
            assert refused(helper, verbs.ApplyUpdate()).code == "busy"


class TestClient:
    def test_without_a_host_it_says_what_to_do(self, tmp_path: Path) -> None:
        client = HostClient(tmp_path / "none.sock")
        assert not client.is_there
        with pytest.raises(Refused, match="administrator") as caught:
            asyncio.run(client.ask(verbs.RestartBox()))
        assert caught.value.code == "no_host"

    def test_a_host_that_says_nothing_is_a_failure(self, tmp_path: Path) -> None:
        path = tmp_path / "host.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            with pytest.raises(Refused) as caught:
                asyncio.run(HostClient(path).ask(verbs.ListSticks(), 0.1))
        assert caught.value.code == "host_failed"
