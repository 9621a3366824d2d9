"""The wizard's list of buttons does not offer to take the set-up button away."""

from typing import TYPE_CHECKING

from gateway.model import ButtonKind
from gateway.setup.messages import GetSetup, PlaceButton
from tests.webui.test_setup import claim, post
from webui.app import create_app
from webui.options import Options

if TYPE_CHECKING:
    from tests.webui.live_shop import LiveShop


def test_it_stays_while_others_go(live: "LiveShop") -> None:
    options = Options(control=live.shop.control_socket, secret_key="k" * 32)
    client = create_app(options).test_client()
    claim(client, live.code)
    live.ask(PlaceButton(pin=17, kind=ButtonKind.SETUP))
    live.ask(PlaceButton(pin=5, kind=ButtonKind.HAPPY))
    seen = client.get("/setup/buttons").text
    assert "Remove: happy" in seen
    assert "Remove: setup" not in seen
    assert "Held, it makes the box forget PINs or everything" in seen
    for name in ("happy", "setup"):
        post(client, "/setup/buttons/remove", {"name": name}, seen="/setup/shop")
    assert [each.name for each in live.ask(GetSetup()).buttons] == ["setup"]
    assert "The gateway did not understand this" in client.get("/setup/buttons").text
