"""Opens the set-up access point of a box that no network wants.

Run by achivx-access-point.service at every start: a box whose Wi-Fi was renamed gets its access
point back too. Paging waits for none of this.
"""

import os
import sys
from pathlib import Path
from typing import Final

from gateway import logs
from gateway.errors import Refused
from gateway.host.network import Network
from gateway.host.trial import run
from gateway.host.work import Places

PATIENCE_S: Final = 45
"""How long a cable or a known Wi-Fi is waited for: a router starts more slowly than the box."""


def open_if_lonely(network: Network, name: str) -> bool:
    """Open it if the box comes into no network in time; whether it was opened.

    Raises:
        Refused: There is no radio that can, or no NetworkManager.
        OSError: The profile cannot be written.
    """
    if network.is_online(PATIENCE_S):
        return False
    network.open_access_point(name)
    return True


def main() -> int:
    """Look, and open it."""
    logs.set_up()
    places = Places(Path("/"))
    network = Network(places.profiles, places.access_point_secret, run)
    try:
        opened = open_if_lonely(network, os.uname().nodename)
    except Refused as refusal:  # a box on a cable may have no radio
        logs.log.warning("no access point: %s", refusal)
        return 0
    except OSError as error:
        logs.log.error("no access point: %s", error)
        return 1
    logs.log.info("the set-up access point is %s", "open" if opened else "not needed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
