"""Phones at the set-up access point: whatever they look for leads to set-up.

There every name is the box, and port 80 is the page. A phone that joins a network asks a host of
its maker for a known answer, and shows its user the page that it is led to instead: Android
`/generate_204`, Apple `/hotspot-detect.html`, Windows `/connecttest.txt` and `/ncsi.txt`, Firefox
`/success.txt` and `/canonical.html`. So no list of them is needed: any other host than the box
itself is answered with the way to set-up, in this one network and while nobody owns the box.
"""

from ipaddress import ip_address, ip_network
from typing import Final

from flask import Flask, redirect, request
from flask.typing import ResponseReturnValue

from webui import security
from webui.client import Unreachable
from webui.person import gateway

ADDRESS: Final = "10.42.0.1"
"""The box, in the network of its access point."""
_NETWORK: Final = ip_network(f"{ADDRESS}/24", strict=False)


def lead(app: Flask) -> None:
    """Lead strangers' questions to set-up, before the guard of hosts refuses them."""
    app.before_request(_to_setup)


def _to_setup() -> ResponseReturnValue | None:
    if not _is_at_access_point(request.remote_addr) or _asks_the_box():
        return None
    if request.method not in {"GET", "HEAD"} or not _is_open():
        return None
    # Not cached (security says so for all answers): the phone asks again after set-up.
    return redirect(f"http://{ADDRESS}/setup", 302)


def _is_at_access_point(address: str | None) -> bool:
    try:
        return ip_address(address or "") in _NETWORK
    except ValueError:
        return False


def _asks_the_box() -> bool:
    name = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    return name == ADDRESS or name.lower() in security.own_names()


def _is_open() -> bool:
    try:
        return not gateway().info.claimed
    except Unreachable:
        return True  # a box that is just starting: the page itself says so
