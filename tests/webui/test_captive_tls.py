"""Where the page has TLS: set-up at the access point goes on without it, for whoever comes back.

A phone's window for set-up keeps no cookies and shows no page with a certificate of the box's own.
"""

from typing import TYPE_CHECKING

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.webui.fake_gateway import PINS
from webui.app import create_app
from webui.captive import ADDRESS
from webui.options import Options

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

PHONE = "10.42.0.57"


@pytest.fixture
def phone(gateway: "FakeGateway", monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """At the access point of a box that Anna owns."""
    monkeypatch.setattr("webui.security._can_bind", lambda address: str(address) == ADDRESS)
    app = create_app(Options(control=gateway.path, secret_key="k" * 32, tls_port=8443))
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    return app.test_client()


def look(client: FlaskClient, path: str, peer: str = PHONE) -> TestResponse:
    return client.get(path, headers={"Host": ADDRESS}, environ_overrides={"REMOTE_ADDR": peer})


def test_until_set_up_is_over_the_owner_signs_in_again_and_goes_on(
    gateway: "FakeGateway", phone: FlaskClient
) -> None:
    gateway.info = msgspec.structs.replace(gateway.info, set_up=False)
    answer = look(phone, "/setup")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login?next=/setup")
    assert look(phone, answer.headers["Location"]).status_code == 200
    signed_in = phone.post(
        "/login",
        data={"staff": "Anna", "pin": PINS["Anna"], "next": "/setup"},
        headers={"Host": ADDRESS, "Origin": f"http://{ADDRESS}"},
        environ_overrides={"REMOTE_ADDR": PHONE},
    )
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/setup")


def test_from_other_networks_only_with_tls(gateway: "FakeGateway", phone: FlaskClient) -> None:
    gateway.info = msgspec.structs.replace(gateway.info, set_up=False)
    answer = look(phone, "/login", "192.168.1.9")
    assert answer.headers["Location"] == f"https://{ADDRESS}:8443/login"


def test_after_set_up_only_with_tls(phone: FlaskClient) -> None:
    assert look(phone, "/login").headers["Location"] == f"https://{ADDRESS}:8443/login"
