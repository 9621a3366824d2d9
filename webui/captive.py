"""Phones at the set-up access point: whatever they look for leads to set-up.

There every name is the box, and port 80 is the page. A phone that joins a network asks a host of
its maker for a known answer, and shows its user the page that it is led to instead: Android
`/generate_204`, Apple `/hotspot-detect.html`, Windows `/connecttest.txt` and `/ncsi.txt`, Firefox
`/success.txt` and `/canonical.html`. So no list of them is needed: any other host than the box
itself is answered with the way to set-up, in this one network and until set-up is over.

The known answer is never given, neither after the page was shown: a phone that hears it closes the
window in which somebody is in the middle of set-up, and one that hears an error may leave for
another network.
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


def is_leading() -> bool:
    """Whether who asks is at the access point, and set-up is not over."""
    return _is_at_access_point(request.remote_addr) and _is_open()


def _to_setup() -> ResponseReturnValue | None:
    if _asks_the_box() or request.method not in {"GET", "HEAD"} or not is_leading():
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
        info = gateway().info
    except Unreachable:
        return True  # a box that is just starting: the page itself says so
    return not (info.claimed and info.set_up)
