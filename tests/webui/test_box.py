"""Backup, restore, sessions and the audit log on the page, with the real gateway behind."""

import io
import re
import tarfile

from flask.testing import FlaskClient

from gateway.messages import GetStatus, SetPin
from gateway.setup.messages import AddPerson
from tests.webui.live_shop import PASSWORD, LiveShop, said, visitor

PASSPHRASE = "tea and biscuits"


def backup(client: FlaskClient, passphrase: str = PASSPHRASE) -> bytes:
    answer = client.post("/settings/box/backup", data={"passphrase": passphrase})
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert len(answer.data) == answer.content_length
    return bytes(answer.data)


def form(data: bytes, **more: str) -> dict[str, object]:
    return {"file": (io.BytesIO(data), "b"), "passphrase": PASSPHRASE, **more}


def test_a_backup_is_checked_and_restored(owner: FlaskClient, live: LiveShop) -> None:
    epoch = live.ask(GetStatus()).journal.epoch
    data = backup(owner)
    path = "/settings/box/restore"
    assert "This backup is whole" in said(owner, path, form(data, do="check"))
    assert "tick that you are sure" in said(owner, path, form(data, do="put"))
    wrong = form(data, do="check") | {"passphrase": "coffee and rum"}
    assert "not the passphrase" in said(owner, path, wrong)
    assert "damaged" in said(owner, path, form(data[:-1], do="check"))
    assert "is no backup" in said(owner, path, form(b"", do="check"))
    assert live.ask(GetStatus()).journal.epoch == epoch
    assert "The box is as in the backup" in said(owner, path, form(data, do="put", sure="yes"))
    assert live.ask(GetStatus()).journal.epoch != epoch
    assert owner.get("/settings").status_code == 303
    owner.post("/login", data={"staff": "Olga", "pin": PASSWORD})
    assert "Restored from a backup" in owner.get("/settings/audit").text
    assert "as it was before" in said(owner, "/settings/box/restore/undo", {})
    assert live.ask(GetStatus()).journal.epoch == epoch


def test_a_support_bundle_comes_as_a_file(owner: FlaskClient) -> None:
    answer = owner.post("/settings/box/bundle")
    with tarfile.open(fileobj=io.BytesIO(answer.data)) as archive:
        assert "support/status.json" in archive.getnames()


def test_only_owners_send_large_bodies(owner: FlaskClient) -> None:
    """A body is read before any screen is asked: strangers must not fill the disk with it."""
    body = form(b"x" * 100_000, do="check")
    assert "is no backup" in said(owner, "/settings/box/restore", body)
    app = owner.application
    app.config["WTF_CSRF_CHECK_DEFAULT"] = True
    stranger = app.test_client()
    body = form(b"x" * 100_000, do="check")
    assert stranger.post("/settings/box/restore", data=body).status_code == 413


def test_sessions_are_seen_and_ended(owner: FlaskClient, live: LiveShop) -> None:
    other = visitor(live)
    other.post("/login", data={"staff": "Olga", "pin": PASSWORD})
    page = owner.get("/me").text
    assert page.count("this device") == 1
    (session,) = re.findall(r'name="session" value="(\w+)"', page)
    assert other.get("/settings").status_code == 200
    assert "Signed out there." in said(owner, "/me/sessions/end", {"session": session})
    assert other.get("/settings").status_code == 303
    assert owner.get("/settings").status_code == 200


def test_staff_sees_and_ends_its_own_alone(owner: FlaskClient, live: LiveShop) -> None:
    live.ask(AddPerson(name="Ann"))
    live.ask(SetPin(staff="Ann", pin="736251"))
    ann = visitor(live)
    ann.post("/login", data={"staff": "Ann", "pin": "736251"})
    assert "Olga" not in ann.get("/me").text
    assert re.search(r"<strong>Ann</strong>", owner.get("/me").text)
    assert "You may not do this" in said(ann, "/me/sessions/end", {"staff": "Olga"})
    assert owner.get("/settings").status_code == 200
    for path in ("/settings/audit", "/settings/box"):
        assert ann.get(path).status_code == 403


def test_a_pin_is_changed_by_whoever_knows_the_old_one(owner: FlaskClient, live: LiveShop) -> None:
    other = visitor(live)
    other.post("/login", data={"staff": "Olga", "pin": PASSWORD})
    wrong = {"old": "not that one", "new": "a new password"}
    assert "Wrong PIN" in said(owner, "/me/pin", wrong)
    assert "changed" in said(owner, "/me/pin", {"old": PASSWORD, "new": "a new password"})
    assert owner.get("/settings").status_code == 200
    assert other.get("/settings").status_code == 303
    assert "New PIN" in owner.get("/settings/audit?kind=box&by=Olga&days=7").text


def test_the_audit_log_tells_who_changed_what_and_no_secret(owner: FlaskClient) -> None:
    owner.post("/settings/people/pin", data={"staff": "Olga", "pin": PASSWORD + "!"})
    owner.post("/login", data={"staff": "Olga", "pin": PASSWORD + "!"})
    backup(owner)
    page = owner.get("/settings/audit").text
    for words in ("Settings changed", "Backup made", "New PIN"):
        assert f"<strong>{words}</strong>" in page
    assert PASSPHRASE not in page
    assert PASSWORD not in page
    assert "<strong>Backup made" not in owner.get("/settings/audit?kind=settings").text
    assert "Nothing of that kind" in owner.get("/settings/audit?kind=customers").text
