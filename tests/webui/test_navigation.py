"""The navigation says where one is: on a screen, or on a page that is reached from it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from gateway.setup.messages import FinishSetup
from tests.webui.live_shop import LiveShop, signed_in_at
from tests.webui.tour import OWNER, SHOP
from webui.authority import Authority
from webui.security import own_names


@pytest.fixture(scope="module")
def owner(shared_shop: LiveShop, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    directory: Path = tmp_path_factory.mktemp("tls")
    shared_shop.ask(FinishSetup())
    return signed_in_at(shared_shop, "owner", Authority(directory, own_names()))


def current(client: FlaskClient, path: str) -> list[tuple[str, str]]:
    """The screens that are marked, with how: `page` for the very one, `true` for its part."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    nav = re.search(r"<nav.*?</nav>", answer.text, re.DOTALL)
    assert nav
    return re.findall(r'aria-current="(\w+)">([^<]+)<', nav[0])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/board", "Board"),
        ("/counter", "Counter"),
        ("/status", "Devices"),
        ("/insights", "Insights"),
        ("/settings", "Settings"),
    ],
)
def test_a_screen_is_marked(path: str, name: str, owner: FlaskClient) -> None:
    assert current(owner, path) == [("page", name)]


_UNDER_SETTINGS = sorted(
    {
        urlsplit(stop.path).path
        for stop in SHOP
        if stop.path and stop.path.startswith("/settings/") and stop.who == OWNER
    }
    - {"/settings/history/1"}  # nothing has been replaced in this shop yet
)


@pytest.mark.parametrize("path", [*_UNDER_SETTINGS, "/certificate", "/setup"])
def test_whatever_is_reached_from_the_settings_belongs_to_them(
    path: str, owner: FlaskClient
) -> None:
    assert current(owner, path) == [("true", "Settings")]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/status/faults", "Devices"),
        ("/status/pager/watch-1", "Devices"),
        ("/insights/rules", "Insights"),
    ],
)
def test_other_parts_belong_to_their_screens(path: str, name: str, owner: FlaskClient) -> None:
    assert current(owner, path) == [("true", name)]


def test_ones_own_page_belongs_to_no_screen(owner: FlaskClient) -> None:
    assert current(owner, "/me") == []
