"""What phones are told at the set-up access point, and what everybody else is."""

from typing import TYPE_CHECKING

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webui.captive import ADDRESS

if TYPE_CHECKING:
    from tests.webui.fake_gateway import FakeGateway

PHONE = "10.42.0.57"
PROBES = {
    "Android": ("connectivitycheck.gstatic.com", "/generate_204"),
    "Android, by Google": ("www.google.com", "/gen_204"),
    "Apple": ("captive.apple.com", "/hotspot-detect.html"),
    "Apple, before": ("www.apple.com", "/library/test/success.html"),
    "Windows": ("www.msftconnecttest.com", "/connecttest.txt"),
    "Windows, its browser": ("www.msftconnecttest.com", "/redirect"),
    "Windows, before": ("www.msftncsi.com", "/ncsi.txt"),
    "Firefox": ("detectportal.firefox.com", "/success.txt?ipv4"),
    "Firefox, in full": ("detectportal.firefox.com", "/canonical.html"),
    "Samsung": ("connectivity.samsung.com.cn", "/generate_204"),
    "Xiaomi": ("connect.rom.miui.com", "/generate_204"),
    "Huawei": ("connectivitycheck.platform.hicloud.com", "/generate_204"),
    "Kindle": ("spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html"),
    "Chromium": ("clients3.google.com", "/generate_204"),
    "GNOME": ("nmcheck.gnome.org", "/check_network_status.txt"),
    "a person": ("shop.example", "/"),
}


@pytest.fixture
def unclaimed(gateway: "FakeGateway", client: FlaskClient) -> FlaskClient:
    gateway.info = msgspec.structs.replace(gateway.info, claimed=False, set_up=False)
    return client


@pytest.fixture(params=[False, True], ids=["nobody's", "claimed"])
def unfinished(
    gateway: "FakeGateway", client: FlaskClient, request: pytest.FixtureRequest
) -> FlaskClient:
    gateway.info = msgspec.structs.replace(gateway.info, claimed=request.param, set_up=False)
    return client


def probe(client: FlaskClient, host: str, path: str, peer: str = PHONE) -> TestResponse:
    return client.get(path, headers={"Host": host}, environ_overrides={"REMOTE_ADDR": peer})


@pytest.mark.parametrize(("host", "path"), PROBES.values(), ids=PROBES)
def test_every_probe_leads_to_set_up(unfinished: FlaskClient, host: str, path: str) -> None:
    answer = probe(unfinished, host, path)
    assert answer.status_code == 302  # neither 204 nor what the maker's own host would say
    assert answer.headers["Location"] == f"http://{ADDRESS}/setup"
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Success" not in answer.data


@pytest.mark.parametrize("host", ["localhost", "localhost:8080"])
def test_the_box_itself_is_not_led_away(unclaimed: FlaskClient, host: str) -> None:
    answer = probe(unclaimed, host, "/setup")
    assert answer.status_code == 200
    assert 'value="ru"' in answer.text


def test_where_it_leads_is_answered_and_not_led_again(
    unclaimed: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.security._can_bind", lambda address: str(address) == ADDRESS)
    assert probe(unclaimed, ADDRESS, "/setup").status_code == 200


@pytest.mark.parametrize("peer", ["192.168.1.9", "127.0.0.1", "10.43.0.1", "::1"])
def test_other_networks_are_refused_as_ever(unfinished: FlaskClient, peer: str) -> None:
    assert probe(unfinished, "captive.apple.com", "/hotspot-detect.html", peer).status_code == 400


def test_a_form_is_never_led_on(unfinished: FlaskClient) -> None:
    answer = unfinished.post(
        "/setup/claim/set",
        headers={"Host": "evil.example"},
        environ_overrides={"REMOTE_ADDR": PHONE},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(("host", "path"), PROBES.values(), ids=PROBES)
def test_after_set_up_it_is_over(client: FlaskClient, host: str, path: str) -> None:
    assert probe(client, host, path).status_code == 400


def test_a_box_whose_owner_was_forgotten_leads_there_again(
    gateway: "FakeGateway", client: FlaskClient
) -> None:
    gateway.info = msgspec.structs.replace(gateway.info, claimed=False)
    assert probe(client, "captive.apple.com", "/hotspot-detect.html").status_code == 302


def test_a_box_that_is_starting_leads_there_too(
    unclaimed: FlaskClient, gateway: "FakeGateway"
) -> None:
    gateway.stop()
    assert probe(unclaimed, "captive.apple.com", "/hotspot-detect.html").status_code == 302
    gateway.start_again()
