"""Settings files old, new and broken, and what is left of them."""

import hashlib
from pathlib import Path

from gateway.config.settings import Settings

OLD = """\
# our shop
[device]
id = "cafe-1"

[shop]
name = "Old"  # on the sign
account = "store-1"
"""
NEW = OLD.replace("Old", "New")
BROKEN = OLD.replace('"cafe-1"', '"Cafe 1"')


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def litter(path: Path) -> list[str]:
    return [found.name for found in path.parent.rglob(".*")]


def texts(settings: Settings) -> list[str]:
    return [settings.past_text(past.number) for past in settings.history()]
