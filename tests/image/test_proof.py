"""Whether image/test would notice: its looks at a card, at answers and at a page, without a box."""

import email
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from gateway.clock import Stamp
from gateway.events import Pressed
from gateway.journal.store import Identity, Journal
from gateway.model import ButtonKind
from gateway.simulator.tap_terminal import TapPage, TapTerminal

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from image.proof import cuts, report  # noqa: E402
from image.proof.card import taken_state  # noqa: E402
from image.proof.centre import Centre  # noqa: E402
from image.proof.visitor import Visitor  # noqa: E402
from tests.crash import oracle  # noqa: E402

SETTINGS = (ROOT / "image/proof/guest_shop.toml").read_text("utf-8").format(server="x:1")

FORM = b'<form><input type="hidden" name="csrf_token" value="t0k"></form>'


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a gateway that was pressed three times."""
    place = tmp_path / "state"
    place.mkdir()
    journal = Journal(place / "journal.db", Identity("b", "s", 1), on_change=lambda: None)
    journal.start()
    for number in range(3):
        pressed = Pressed(button="exit", kind=ButtonKind.CALL, zone="z")
        journal.append_all((pressed,), Stamp("boot", number, number, synced=True)).result(10)
    journal.close()
    return place


class Heard(TapTerminal):
    """A terminal that took some pages."""

    def __init__(self, *texts: str) -> None:
        super().__init__(tcp=True)
        self._heard = tuple(TapPage("1001", text, 0) for text in texts)

    @property
    def pages(self) -> tuple[TapPage, ...]:
        """All of them."""
        return self._heard


def look(
    state: Path,
    *,
    records: Sequence[str] = (),
    booked: tuple[tuple[str, str, str], ...] = (),
    heard: Sequence[str] = (),
) -> oracle.Found:
    with Centre() as centre:
        shop = cuts.Shop(terminal=Heard(*heard), centre=centre, take_state=lambda: state)
        promised = cuts.Promised(records=tuple(records), booked=booked, since=0, settings=SETTINGS)
        return cuts.look_at_card(shop, promised)


def ids(state: Path) -> list[str]:
    return [record.id for record in look(state).records]


class TestCard:
    def test_a_whole_one_is_good(self, state: Path) -> None:
        there = tuple(f'{{"id": "{each}"}}' for each in ids(state))
        look(state, records=there[:2])

    def test_a_lost_record_is_noticed(self, state: Path) -> None:
        there = tuple(f'{{"id": "{each}"}}' for each in [*ids(state), "another"])
        with pytest.raises(report.Failed, match="lost or have changed"):
            look(state, records=there)

    def test_a_page_without_its_alert_is_noticed(self, state: Path) -> None:
        # The last one before the cut may be ahead of its alert's commit.
        with pytest.raises(report.Failed, match="'one' for 1001 went out, and for no alert"):
            look(state, heard=("one", "two"))

    def test_a_booking_without_its_event_is_noticed(self, state: Path) -> None:
        with pytest.raises(report.Failed, match="in no event"):
            look(state, booked=(("shop", "ButtonPress", "another"),))

    def test_a_damaged_journal_is_noticed(self, state: Path) -> None:
        (state / "journal.db.damaged-1").touch()
        with pytest.raises(report.Failed, match="damaged"):
            look(state)

    def test_the_state_is_read_from_an_ext4(self, state: Path, tmp_path: Path) -> None:
        part = tmp_path / "part"
        with part.open("wb") as file:
            file.truncate(32 << 20)
        make = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin")
        assert make, "mkfs.ext4 is missing: e2fsprogs"
        tree = tmp_path / "tree/lib/achivx-gateway"
        shutil.copytree(state, tree)
        subprocess.run([make, "-q", "-d", tmp_path / "tree", part], check=True)
        found = taken_state(part, "/lib/achivx-gateway", tmp_path)
        assert (found / "journal.db").read_bytes() == (state / "journal.db").read_bytes()

    def test_one_that_cannot_be_put_right_is_noticed(self, tmp_path: Path) -> None:
        part = tmp_path / "part"
        part.write_bytes(bytes(1 << 20))
        with pytest.raises(report.Failed, match="the file system is damaged"):
            taken_state(part, "/", tmp_path)


class Page(BaseHTTPRequestHandler):
    """A page with one form, which says what it was sent."""

    def do_GET(self) -> None:
        if self.path == "/gone":
            self.send_error(404)
            return
        self._answer(FORM if self.path == "/form" else b"nothing to fill in")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/upload":
            whole = b"Content-Type: %s\r\n\r\n" % self.headers["Content-Type"].encode() + body
            _, *parts = email.message_from_bytes(whole).walk()
            self._answer(repr([part.get_payload(decode=True) for part in parts]).encode())
            return
        sent = parse_qs(body.decode())
        self._answer(f"{sent['csrf_token']} {sent['name']} {self.headers['Origin']}".encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestVisitor:
    def test_sends_a_form_as_a_browser_does(self) -> None:
        with served() as base:
            assert Visitor(base).send("/form", "/to", name="x") == f"['t0k'] ['x'] {base}"

    def test_uploads_a_file_as_a_browser_does(self, tmp_path: Path) -> None:
        file = tmp_path / "update.achivx"
        file.write_bytes(b"\x00--bytes\n")
        with served() as base:
            seen = Visitor(base).upload("/form", "/upload", file)
        assert seen == repr([b"t0k", b"\x00--bytes\n"])

    def test_says_what_is_missing(self) -> None:
        with served() as base:
            visitor = Visitor(base)
            with pytest.raises(report.Failed, match="no form"):
                visitor.send("/else", "/to", name="x")
            with pytest.raises(report.Failed, match="404"):
                visitor.see("/gone")


class TestReport:
    def test_what_is_another_ends_it(self) -> None:
        with pytest.raises(report.Failed, match="2 instead of 1"):
            report.expect(2, 1, "one")
        with pytest.raises(report.Failed, match="not true: it"):
            report.demand("", "it")

    def test_waiting_in_vain_says_why(self) -> None:
        with pytest.raises(report.Failed, match="in vain: a file"):
            report.until(Path("/nonexistent").exists, "a file", patience_s=0.01)

    def test_a_program_that_fails_is_told_in_its_own_words(self) -> None:
        with pytest.raises(report.Failed, match="nonexistent"):
            report.run("ls", "/nonexistent")
