"""bridge.toml as frozen structures: the broker, the server, and what each box may write."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway import config
from gateway.config import AchivxUplink, MqttUplink, rules, values
from gateway.config.check import ConfigError, Problem, check_as, read
from gateway.config.decode import Decoded, Note, Rules, shown
from gateway.config.table import Table

DEFAULT_CONFIG: Final = "/etc/achivx-gateway/bridge.toml"
ANY_DEVICE: Final = "*"
ANY_ACCOUNT: Final = "*"


class Listen(Table, frozen=True):
    """`[health]`: where `/healthz` and `/metrics` are answered, in plaintext."""

    host: str = "127.0.0.1"
    port: int = 9108  # 0: a free one, which the log tells


class Device(Table, frozen=True):
    """`[[devices]]`: what one box may write. `{device}` in an account stands for the box's id.

    `id = "*"` is for every box that has no entry of its own.

    Attributes:
        account: The shop's own account.
        staff: How accounts of staff begin, `*` for any; none: no staff.
        customers: How accounts of customers begin, `*` for any; none: no customers.
        former_ids: Ids that the box's records may carry too, from before it got this one.
        reward_most: The most tokens that one event may pay, or take.
        reward_day: The most tokens that all events together may pay on one day (UTC), as far as
            one bridge can tell.
    """

    id: str
    account: str
    staff: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    former_ids: tuple[str, ...] = ()
    reward_most: float = 0.0
    reward_day: float = 0.0


class BridgeConfig(Table, frozen=True):
    """The whole file. `account` is the bridge's own on the server: its canaries are kept there."""

    account: str
    broker: MqttUplink
    achivx: AchivxUplink
    devices: tuple[Device, ...]
    group: str = "achivx"  # of the shared subscription: bridges of one group share the work
    drain_s: float = 20.0  # how long batches under way may take when the bridge stops
    health: Listen = Listen()


_ID: Final = values.RULES[config.Device, "id"]
_ACCOUNT: Final = values.RULES[config.Shop, "account"]
_TOKENS: Final = values.number(0, 2**24 - 1, "tokens")

RULES: Final[Rules] = {
    **values.RULES,
    (BridgeConfig, "account"): _ACCOUNT,
    (BridgeConfig, "group"): values.form(r"[A-Za-z0-9_-]{1,40}", "1 to 40 letters, digits, - or _"),
    (BridgeConfig, "drain_s"): values.number(1, 600, "seconds"),
    (BridgeConfig, "devices"): lambda value: None if value else "at least one [[devices]]",
    (Listen, "host"): values.form(r"[0-9A-Fa-f:.]+", 'an address, e.g. "127.0.0.1"'),
    (Listen, "port"): values.number(0, 65535),
    (Device, "id"): lambda value: None if value == ANY_DEVICE else _ID(value),
    (Device, "account"): _ACCOUNT,
    (Device, "staff"): values.Each(_ACCOUNT),
    (Device, "customers"): values.Each(_ACCOUNT),
    (Device, "former_ids"): values.Each(_ID),
    (Device, "reward_most"): _TOKENS,
    (Device, "reward_day"): _TOKENS,
}


def load(path: Path) -> BridgeConfig:
    """The settings of a bridge.

    Raises:
        ConfigError: They cannot be read or used.
    """
    found, problems = check(read(path))
    if found is None:
        raise ConfigError(problems)
    return found


def check(text: str) -> tuple[BridgeConfig | None, list[Problem]]:
    """The settings, and what is wrong with them; None if anything is."""
    return check_as(text, BridgeConfig, RULES, _across)


def _across(decoded: Decoded) -> Iterator[Note]:
    draft = rules.Draft(decoded)
    yield from rules.credentials(draft)
    ids: set[str] = set()
    for path, device in draft.each(Device):
        for key, each in [("id", device.id), *(("former_ids", old) for old in device.former_ids)]:
            if each in ids:
                yield Note((*path, key), shown(each), "an id that no other entry has")
            ids.add(each)
        if device.id == ANY_DEVICE and "{device}" not in device.account:
            right = 'an account with {device} in it, e.g. "shop-{device}": a box must not choose'
            yield Note((*path, "account"), shown(device.account), right)
        for key in ("staff", "customers"):
            for begin in getattr(device, key):
                if re.search(r"\{device\}([a-z0-9-]|$)", begin):
                    right = "{device} with a character after it that no id has, e.g. {device}."
                    yield Note((*path, key), shown(begin), right)
        if device.id == ANY_DEVICE and device.former_ids:
            yield Note((*path, "former_ids"), shown(device.former_ids), 'nothing with id = "*"')
        if device.reward_day < device.reward_most:
            right = f"at least reward_most ({device.reward_most:g})"
            yield Note((*path, "reward_day"), shown(device.reward_day), right)
