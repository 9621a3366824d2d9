"""A secret has one name: in the units, the settings' examples, the documents, and on a new card."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent.parent
PROVISION: Final = ROOT / "image/overlay/usr/local/lib/achivx/provision.py"


def loaded(unit: str) -> set[str]:
    """What a unit loads from /etc/credstore."""
    text = (ROOT / "systemd" / unit).read_text()
    return set(re.findall(r"^LoadCredential=([\w-]+)$", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("unit", "example"),
    [
        ("achivx-gateway.service", "gateway.example.toml"),
        ("achivx-gateway-bridge.service", "bridge.example.toml"),
    ],
)
def test_examples_name_all_that_their_unit_loads(unit: str, example: str) -> None:
    text = (ROOT / "docs" / example).read_text()
    assert set(re.findall(rf'"/run/credentials/{unit}/([\w-]+)"', text)) == loaded(unit)


def test_no_example_puts_a_secret_where_admins_read_it() -> None:
    for name in ("gateway.example.toml", "bridge.example.toml"):
        text = (ROOT / "docs" / name).read_text()
        secrets = re.findall(r'(?:token|password|client_key)_file = "([^"]+)"', text)
        assert secrets
        assert [path for path in secrets if not path.startswith("/run/credentials/")] == []


def test_the_document_has_every_one_that_a_box_loads() -> None:
    table = (ROOT / "docs/operations.md").read_text().partition("### Secrets")[2]
    named = set(re.findall(r"^\| `([\w-]+)` \|", table.partition("```")[0], re.MULTILINE))
    assert named == loaded("achivx-gateway.service") | loaded("achivx-backup.service")


def test_a_new_cards_are_loaded_by_that_name() -> None:
    """The access point's password alone is read by a program of root's."""
    (table,) = re.findall(
        r"^_SECRETS: Final = {\n(.*?)^}", PROVISION.read_text(), re.MULTILINE | re.DOTALL
    )
    names = set(re.findall(r': "([\w-]+)"', table)) - {"achivx-setup-wifi"}
    assert names <= loaded("achivx-gateway.service") | loaded("achivx-backup.service")
    assert "mqtt-password" in names
