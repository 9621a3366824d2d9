"""Settings come into force when the gateway starts anew: the page asks for it, and waits."""

import time
from contextlib import suppress
from typing import Final

from webui.client import ApplySettings, Unreachable
from webui.person import gateway, hang_up

MOST_S: Final = 6.0
_LOOK_S: Final = 0.03


def start_anew() -> None:
    """Have the gateway start anew, and return once it is back: usually in a tenth of a second.

    One that takes longer is waited for by the browser: the next answer says that it is away.

    Raises:
        Refused: The asker may not do this.
        Unreachable: It was away already.
    """
    life = gateway().info.life
    gateway().call(ApplySettings())
    wait_for_another(life)


def wait_for_another(life: str) -> None:
    """Return once the gateway has another life than this, or after `MOST_S`."""
    until = time.monotonic() + MOST_S
    while time.monotonic() < until:
        hang_up()
        with suppress(Unreachable):
            if gateway().info.life != life:
                return
        time.sleep(_LOOK_S)
    hang_up()
