"""A form of the set-up that the box refuses comes back as it was sent, but for its secrets."""

import pytest
from flask.testing import FlaskClient

from gateway.messages import GetSettings
from tests.webui.live_shop import LiveShop, claimed

LONG = "Anna" * 11
"""Longer than any name may be."""


@pytest.fixture(scope="module")
def owner(shared_live: LiveShop) -> FlaskClient:
    return claimed(shared_live)


@pytest.mark.parametrize(
    ("path", "typed", "shown", "secret"),
    [
        (
            "shop/set",
            {"name": "Café", "timezone": "Mars/Phobos", "weekend_open": "10:00"},
            (
                'name="name" value="Café"',
                'name="timezone" value="Mars/Phobos"',
                'name="weekend_open" value="10:00"',
                'name="weekend_close" value=""',
            ),
            "data-timezone",  # by which the phone would put its own there
        ),
        (
            "transmitter/set",
            {
                "other": "socket://10.0.0.9:1",
                "driver": "espa",
                "framing": "8E1",
                "frequency": "4,3",
            },
            (
                'value="espa" selected',
                'name="other" value="socket://10.0.0.9:1"',
                "<option selected>8E1<",
                'name="frequency" value="4,3"',
                "<details open>",
            ),
            None,
        ),
        (
            "staff/add",
            {"name": LONG, "role": "manager", "address": "77", "pin": "736251"},
            (f'name="name" value="{LONG}"', 'value="manager" selected', 'value="77"'),
            "736251",
        ),
        (
            "server/set",
            {"address": "nowhere", "token": "open sesame"},
            ('name="address" value="nowhere"', '<details class="card" open>'),
            "sesame",
        ),
    ],
)
def test_what_was_typed_is_still_there(
    shared_live: LiveShop,
    owner: FlaskClient,
    path: str,
    typed: dict[str, str],
    shown: tuple[str, ...],
    secret: str | None,
) -> None:
    before = shared_live.ask(GetSettings())
    answer = owner.post(f"/setup/{path}", data=typed)
    assert answer.status_code == 422
    assert 'class="note bad"' in answer.text
    for each in shown:
        assert each in answer.text
    assert secret is None or secret not in answer.text
    assert shared_live.ask(GetSettings()) == before
