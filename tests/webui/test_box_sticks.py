"""USB sticks on the page of the whole box: real gateway, a host's socket."""

import io
import re
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from msgspec import structs

from gateway.guard.messages import GetAudit
from gateway.host import verbs
from gateway.host.verbs import OnStick, Reply, Stick
from gateway.messages import GetStatus
from gateway.transfer import DIRECTORY
from tests.webui.fake_host import FakeHost
from tests.webui.live_shop import LiveShop, said
from tests.webui.test_box import PASSPHRASE
from tests.webui.test_host_page import await_end

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from image.proof.first_run import refused  # noqa: E402

BOX = "/settings/box"
OLDER = Reply(code="older", words="0.0.9 is older than 0.1.0, which runs here")
ANYWAY = "Install the older version all the same"
STICK = Stick(
    name="sda1",
    label="KINGSTON",
    free=14_300_000_000,
    updates=(
        OnStick(name="sda1/achivx-0.2.0.achivx", bytes=7, version="0.2.0"),
        OnStick(name="sda1/other.achivx", bytes=7),
    ),
)


@pytest.fixture
def live(hosted: LiveShop, host: FakeHost) -> LiveShop:
    host.sticks = (STICK,)
    return hosted


@pytest.fixture
def stick(place: Path, host: FakeHost, live: LiveShop) -> Path:
    """What is on the stick: the host writes and reads it."""
    host.stick = place / "stick"
    host.stick.mkdir()
    host.transfer = Path(live.shop.directory) / "state" / DIRECTORY
    return host.stick


def on(stick: Path) -> Stick:
    """As the host would name it."""
    files = [OnStick(name=f"sda1/{p.name}", bytes=p.stat().st_size) for p in stick.iterdir()]
    return structs.replace(STICK, backups=tuple(files))


class TestUpdate:
    def test_each_on_a_stick_has_a_button(self, owner: FlaskClient, host: FakeHost) -> None:
        page = owner.get(BOX).text
        assert "On the USB stick KINGSTON:" in page
        buttons = re.findall(r'name="stick" value="([^"]+)">(Install [^<]+)', page)
        assert buttons == [
            ("sda1/achivx-0.2.0.achivx", "Install achivx-0.2.0.achivx, version 0.2.0"),
            ("sda1/other.achivx", "Install other.achivx"),
        ]
        owner.set_cookie("language", "ru")
        assert "Установить achivx-0.2.0.achivx, версия 0.2.0" in owner.get(BOX).text
        host.sticks = ()
        assert 'name="stick"' not in owner.get(BOX).text

    def test_one_is_taken_by_its_name_and_told(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        wish = {"stick": "sda1/achivx-0.2.0.achivx"}
        assert "The update is being checked" in said(owner, f"{BOX}/update", wish)
        await_end(live)
        (asked,) = host.of(verbs.ApplyUpdate)
        assert (asked.stick, asked.allow_older) == ("sda1/achivx-0.2.0.achivx", False)
        entry = live.ask(GetAudit())[0]
        assert (entry.deed, entry.by, entry.about) == ("update_begun", "Olga", (wish["stick"],))

    @pytest.mark.parametrize("stick", ["../x.achivx", "sda1/../x.achivx", "/etc/shadow"])
    def test_a_name_that_is_none_reaches_no_stick(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost, stick: str
    ) -> None:
        said(owner, f"{BOX}/update", {"stick": stick})
        await_end(live)
        assert "This cannot be right." in owner.get(BOX).text
        assert host.of(verbs.ApplyUpdate) == []


class TestOlder:
    def test_the_refusal_offers_it_all_the_same(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        assert ANYWAY not in owner.get(BOX).text
        host.refuse[verbs.ApplyUpdate] = OLDER
        said(owner, f"{BOX}/update", {"stick": "sda1/other.achivx"})
        await_end(live)
        page = owner.get(BOX).text
        assert "This update is older than what runs here." in page
        assert page.count(ANYWAY) == 2  # of the stick, and of a file
        owner.set_cookie("language", "ru")
        assert "Всё равно установить более старую версию" in owner.get(BOX).text

    def test_whoever_ticks_it_has_it(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        said(owner, f"{BOX}/update", {"stick": "sda1/other.achivx", "older": "yes"})
        await_end(live)
        file = (io.BytesIO(b"a bundle"), "box.achivx")
        said(owner, f"{BOX}/update", {"file": file, "older": "yes"})
        await_end(live)
        asked = [(verb.stick, verb.allow_older) for verb in host.of(verbs.ApplyUpdate)]
        assert asked == [("sda1/other.achivx", True), ("", True)]
        assert ANYWAY not in owner.get(BOX).text

    def test_another_refusal_offers_nothing(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost
    ) -> None:
        host.refuse[verbs.ApplyUpdate] = Reply(code="not_signed", words="another key")
        said(owner, f"{BOX}/update", {"stick": "sda1/other.achivx"})
        await_end(live)
        page = owner.get(BOX).text
        assert ANYWAY not in page
        assert refused(page) in page
        assert refused(page), "what image/test looks for"
        host.refuse.clear()
        said(owner, f"{BOX}/update", {"stick": "sda1/other.achivx"})
        await_end(live)
        assert refused(owner.get(BOX).text) == ""


class TestBackup:
    """The whole box, onto a stick and off it again."""

    def test_a_box_is_written_replaced_and_told(
        self, owner: FlaskClient, live: LiveShop, host: FakeHost, stick: Path
    ) -> None:
        assert "Write it onto the USB stick KINGSTON, 14 GB free" in owner.get(BOX).text
        wish = {"passphrase": PASSPHRASE, "stick": "sda1"}
        assert "is on the USB stick, whole. You can pull it out." in said(
            owner, f"{BOX}/backup", wish
        )
        (written,) = stick.iterdir()
        entry = live.ask(GetAudit())[0]
        assert (entry.deed, entry.by) == ("backup_made", "Olga")
        assert entry.about == (f"sda1/{written.name}",)
        assert host.transfer is not None
        assert list(host.transfer.iterdir()) == []  # nothing is kept of it

        host.sticks = (on(stick),)
        page = owner.get(BOX).text
        (name,) = re.findall(r'<option value="(sda1/[^"]+)">KINGSTON: ', page)
        epoch = live.ask(GetStatus()).journal.epoch
        form = {"stick": name, "passphrase": PASSPHRASE}
        words = said(owner, f"{BOX}/restore", form | {"do": "check"})
        assert "This backup is whole" in words
        assert "tick that you are sure" in said(owner, f"{BOX}/restore", form | {"do": "put"})
        assert live.ask(GetStatus()).journal.epoch == epoch
        sure = form | {"do": "put", "sure": "yes"}
        assert "The box is as in the backup" in said(owner, f"{BOX}/restore", sure)
        assert live.ask(GetStatus()).journal.epoch != epoch

    @pytest.mark.parametrize(
        ("code", "english", "russian"),
        [
            ("stick_full", "not enough room on the USB stick", "На USB-флешке не хватает места"),
            ("stick_failed", "did not take the backup", "не приняла копию"),
            ("no_stick", "is not in the box any more", "Этой USB-флешки"),
            ("older_system", "system is older than this", "На этом устройстве старая система"),
        ],
    )
    def test_why_it_was_not_written_is_said(
        self,
        owner: FlaskClient,
        host: FakeHost,
        stick: Path,
        code: str,
        english: str,
        russian: str,
    ) -> None:
        host.refuse[verbs.WriteBackup] = Reply(code=code, words="in plain words")
        wish = {"passphrase": PASSPHRASE, "stick": "sda1"}
        assert english in said(owner, f"{BOX}/backup", wish)
        owner.set_cookie("language", "ru")
        assert russian in said(owner, f"{BOX}/backup", wish)
        assert list(stick.iterdir()) == []
        assert host.transfer is not None
        assert list(host.transfer.iterdir()) == []

    def test_names_that_are_none_reach_no_stick(
        self, owner: FlaskClient, host: FakeHost, stick: Path
    ) -> None:
        wish = {"passphrase": PASSPHRASE, "stick": "../sda1"}
        assert "This cannot be right." in said(owner, f"{BOX}/backup", wish)
        for name in ("sda1/../x.achivx-backup", "/etc/shadow", "sda1/x.achivx"):
            form = {"stick": name, "do": "check"}
            assert "This cannot be right." in said(owner, f"{BOX}/restore", form)
        assert host.of(verbs.WriteBackup) == host.of(verbs.OpenBackup) == []
        assert list(stick.iterdir()) == []

    def test_it_is_either_a_file_or_one_on_a_stick(
        self, owner: FlaskClient, host: FakeHost, stick: Path
    ) -> None:
        (stick / "x.achivx-backup").write_bytes(b"x")
        form = {"stick": "sda1/x.achivx-backup", "do": "put", "sure": "yes"}
        both = form | {"file": (io.BytesIO(b"a backup"), "b")}
        assert "not both" in said(owner, f"{BOX}/restore", both)
        assert host.of(verbs.OpenBackup) == []
        words = said(owner, f"{BOX}/restore", form | {"stick": ""})
        assert "Choose the file of the backup first." in words

    def test_one_that_is_gone_and_one_that_is_damaged(
        self, owner: FlaskClient, host: FakeHost, stick: Path
    ) -> None:
        (stick / "x.achivx-backup").write_bytes(b"x" * 1_200_000)  # three pieces
        form = {"stick": "sda1/x.achivx-backup", "do": "check"}
        assert "is no backup" in said(owner, f"{BOX}/restore", form)
        (stick / "x.achivx-backup").write_bytes(b"")
        assert "is no backup" in said(owner, f"{BOX}/restore", form)
        host.refuse[verbs.OpenBackup] = Reply(code="no_backup", words="no such file")
        assert "no such backup on the USB stick" in said(owner, f"{BOX}/restore", form)

    def test_several_sticks_are_told_apart_and_without_one_nothing_is_shown(
        self, owner: FlaskClient, host: FakeHost
    ) -> None:
        host.sticks = (STICK, Stick(name="sdb1", free=500_000))
        page = owner.get(BOX).text
        assert '<button class="plain" name="stick" value="sda1">' in page
        assert "Write it onto the USB stick sdb1, 500 kB free" in page
        assert "Backup on a USB stick" not in page
        host.sticks = ()
        assert "USB" not in owner.get(BOX).text
