r"""The Wi-Fi profiles of NetworkManager that a box has: its shop's, and its own access point.

nm-settings-keyfile(5). The name of a network is written as a list of bytes: the format gives
meaning to `;` and `\`.
"""

from typing import Final

SHOP: Final = "shop"
ACCESS_POINT: Final = "achivx-setup"
ADDRESS: Final = "10.42.0.1"
"""Where the box is in the network of its access point: what phones are led to, and the label's."""


def shop_profile(ssid: str, password: str | None) -> str:
    """The shop's Wi-Fi; without a password an open one."""
    lines = _connection(SHOP, "wifi") + _wifi(ssid, "infrastructure")
    if password is not None:
        lines += _wpa(password)
    return _text([*lines, "", "[ipv4]", "method=auto", "", "[ipv6]", "method=auto"])


def access_point_profile(ssid: str, password: str) -> str:
    """The access point for set-up, which nothing opens by itself.

    In shared mode NetworkManager serves addresses and names there; WPA2 alone (`rsn`, `ccmp`), on
    2.4 GHz, as every phone and a Zero 2 W can.
    """
    lines = [*_connection(ACCESS_POINT, "wifi"), "autoconnect=false"]
    lines += [*_wifi(ssid, "ap"), "band=bg", *_wpa(password), "proto=rsn;", "pairwise=ccmp;"]
    lines += ["", "[ipv4]", "method=shared", f"address1={ADDRESS}/24"]
    return _text([*lines, "", "[ipv6]", "method=disabled"])


def _connection(name: str, kind: str) -> list[str]:
    return ["[connection]", f"id={name}", f"type={kind}"]


def _wifi(ssid: str, mode: str) -> list[str]:
    octets = "".join(f"{byte};" for byte in ssid.encode())
    return ["", "[wifi]", f"mode={mode}", f"ssid={octets}"]


def _wpa(password: str) -> list[str]:
    escaped = password.replace("\\", "\\\\").replace(" ", "\\s")
    return ["", "[wifi-security]", "key-mgmt=wpa-psk", f"psk={escaped}"]


def _text(lines: list[str]) -> str:
    return "\n".join([*lines, ""])
