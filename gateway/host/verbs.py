"""What the gateway may ask of the box's host: one JSON line there, one back, and no more.

Every value is checked here, on root's side of the socket: the gateway reads what strangers send to
it, and must not be able to ask for more than these words say.
"""

import re
from typing import Final, Protocol

import msgspec

from gateway.errors import Refused

REQUEST_BYTES: Final = 4096
"""The longest request."""
UPLOAD: Final = "update.achivx"
"""What an uploaded update is called where the gateway leaves it to the host."""
YEAR_S: Final = 365 * 86400
CLOCK_YEARS: Final = 20
PSK_LENGTHS: Final = range(8, 64)  # IEEE 802.11i, of a passphrase
SSID_BYTES: Final = range(1, 33)  # IEEE 802.11

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_STICK: Final = re.compile(r"[a-z][a-z0-9]{0,31}")  # as the kernel names its partition
_BACKUP: Final = re.compile(r"\w[\w.-]{0,119}\.achivx-backup", re.ASCII)
_FILE: Final = re.compile(r"[0-9a-f]{32}")  # as the gateway names what is on its way
_BUNDLE: Final = re.compile(_STICK.pattern + r"/\w[\w.-]{0,99}\.achivx", re.ASCII)
_WORD_CHARS: Final = 64
_WORDS_MOST: Final = 16


class SetClock(msgspec.Struct, frozen=True, tag_field="verb", tag="set_clock"):
    """Set the time, Unix seconds."""

    unix_s: float


class SetHostname(msgspec.Struct, frozen=True, tag_field="verb", tag="set_hostname"):
    """Name the box: the page is at NAME.local."""

    name: str


class SetWifi(msgspec.Struct, frozen=True, tag_field="verb", tag="set_wifi"):
    """Join the shop's Wi-Fi; where that fails, the one before stays."""

    ssid: str
    password: str = ""  # none: an open network


class OpenAccessPoint(msgspec.Struct, frozen=True, tag_field="verb", tag="open_access_point"):
    """Open the set-up access point."""


class CloseAccessPoint(msgspec.Struct, frozen=True, tag_field="verb", tag="close_access_point"):
    """Close the set-up access point."""


class RestartBox(msgspec.Struct, frozen=True, tag_field="verb", tag="restart_box"):
    """Reboot."""


class ListSticks(msgspec.Struct, frozen=True, tag_field="verb", tag="list_sticks"):
    """Name the USB sticks, and what is on them that concerns a box."""


class ApplyUpdate(msgspec.Struct, frozen=True, tag_field="verb", tag="apply_update"):
    """Check a bundle, unpack it, and have it tried.

    Attributes:
        stick: The name of an update from `ListSticks`; empty: what was uploaded.
        allow_older: Whether an older version may take the place of a newer one.
        working: The transmitters that work now, which must work with the new version too.
        pager: Where the test page goes; empty: there is no pager yet.
    """

    stick: str = ""
    allow_older: bool = False
    working: tuple[str, ...] = ()
    pager: str = ""


class WriteBackup(msgspec.Struct, frozen=True, tag_field="verb", tag="write_backup"):
    """Write a backup that the gateway has made onto a stick, and read it back.

    Attributes:
        stick: Of which stick: `Stick.name`.
        file: What the gateway calls it, where it leaves it.
        name: What it is to be called on the stick.
    """

    stick: str
    file: str
    name: str


class OpenBackup(msgspec.Struct, frozen=True, tag_field="verb", tag="open_backup"):
    """Open a backup on a stick, `STICK/FILE`: it goes with the reply, as an open file."""

    name: str


AnyVerb = (
    SetClock
    | SetHostname
    | SetWifi
    | OpenAccessPoint
    | CloseAccessPoint
    | RestartBox
    | ListSticks
    | ApplyUpdate
    | WriteBackup
    | OpenBackup
)


class OnStick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file on a stick.

    Attributes:
        name: `STICK/FILE`.
        version: What an update says of itself before anybody has looked at its signature; empty
            where it says nothing that can be read.
    """

    name: str
    bytes: int
    version: str = ""

    @property
    def file(self) -> str:
        """Its name without the stick's."""
        return self.name.partition("/")[2]


class Stick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A USB stick that is in the box.

    Attributes:
        name: The kernel's, such as `sda1`.
        label: What people named it, if they did.
        free: Bytes that can be written to it.
    """

    name: str
    label: str = ""
    free: int = 0
    updates: tuple[OnStick, ...] = ()
    backups: tuple[OnStick, ...] = ()

    @property
    def called(self) -> str:
        """What people know it by."""
        return self.label or self.name


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a verb: `code` is empty when it was done, `words` say why it was not.

    Attributes:
        sticks: What `ListSticks` found.
    """

    code: str = ""
    words: str = ""
    sticks: tuple[Stick, ...] = ()


class Doer(Protocol):
    """What does a verb that has passed its checks; raises `Refused` with words for a person."""

    def __call__(self, verb: AnyVerb) -> Reply:
        """Do it."""
        ...


def check(verb: AnyVerb, *, built_s: float) -> None:
    """Pass a verb whose values are sound.

    Args:
        verb: What is asked.
        built_s: When this release was built, Unix time: no right clock shows less.

    Raises:
        Refused: `bad_value` with what would be right. No value is repeated: some are secrets.
    """
    match verb:
        case SetClock(unix_s=unix_s):
            good = built_s <= unix_s <= built_s + CLOCK_YEARS * YEAR_S
            _need(
                good,
                f"the time must be after this version was made, by {CLOCK_YEARS} years at most",
            )
        case SetHostname(name=name):
            _need(is_hostname(name), "a name has 1 to 63 of a-z, 0-9 and -, and none at its ends")
        case SetWifi(ssid=ssid, password=password):
            _need(is_ssid(ssid), "the name of a Wi-Fi network has 1 to 32 bytes of printable text")
            _need(
                not password or is_passphrase(password),
                "the password of a Wi-Fi network has 8 to 63 characters of ASCII",
            )
        case ApplyUpdate(stick=stick, working=working, pager=pager):
            _need(not stick or _BUNDLE.fullmatch(stick) is not None, "no bundle has such a name")
            _need(len(working) <= _WORDS_MOST, "too many transmitters")
            _need(all(map(_is_word, (*working, pager))), "a name has up to 64 printable characters")
        case WriteBackup(stick=stick, file=file, name=name):
            _need(is_stick(stick), "no stick has such a name")
            _need(_FILE.fullmatch(file) is not None, "the gateway has no such file")
            _need(_BACKUP.fullmatch(name) is not None, "a backup has another name than that")
        case OpenBackup(name=name):
            _need(is_backup_name(name), "no backup has such a name")
        case _:
            pass  # nothing to check


def is_hostname(name: str) -> bool:
    """Whether a host may have this name (RFC 1123, one label)."""
    return _NAME.fullmatch(name) is not None


def is_ssid(ssid: str) -> bool:
    """Whether a Wi-Fi network may have this name, as people type it."""
    return ssid.isprintable() and len(ssid.encode("utf-8", "replace")) in SSID_BYTES


def is_passphrase(password: str) -> bool:
    """Whether it is a WPA passphrase: printable ASCII of the right length."""
    return password.isascii() and password.isprintable() and len(password) in PSK_LENGTHS


def is_stick(name: str) -> bool:
    """Whether a stick may be mounted under this name."""
    return _STICK.fullmatch(name) is not None


def is_bundle_name(name: str) -> bool:
    """Whether a file on a stick has a name that `ApplyUpdate` takes: `STICK/FILE.achivx`."""
    return _BUNDLE.fullmatch(name) is not None


def is_backup_name(name: str) -> bool:
    """Whether a file on a stick has a name that `OpenBackup` takes: `STICK/FILE.achivx-backup`."""
    stick, _, file = name.partition("/")
    return is_stick(stick) and _BACKUP.fullmatch(file) is not None


def _is_word(text: str) -> bool:
    return text.isprintable() and len(text) <= _WORD_CHARS


def _need(good: bool, words: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not good:
        raise Refused("bad_value", words)
