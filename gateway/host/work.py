"""Does the verbs, as root: every one a few lines over a program of the system."""

import contextlib
import fcntl
import logging
import os
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Final

import msgspec

from gateway.errors import Refused
from gateway.files import write_atomic
from gateway.host import bundle, verbs
from gateway.host.bundle import Manifest, Present
from gateway.host.network import Network, Run
from gateway.host.plain_file import opened
from gateway.host.releases import COMPLETE, Releases, Trial
from gateway.host.sticks import Sticks
from gateway.host.verbs import AnyVerb, Reply
from gateway.transfer import DIRECTORY

COMMAND_S: Final = 30.0
ROOM_BYTES: Final = 50 * 2**20
"""What an update leaves free at each step: the journal is on the same disk."""
_CHUNK: Final = 1 << 20

_log: Final = logging.getLogger(__name__)


class Places(msgspec.Struct, frozen=True):
    """Where everything is, under a root that is another than `/` in tests."""

    root: Path = Path("/")

    @property
    def home(self) -> Path:
        """The application's trees."""
        return self.root / "opt/achivx-gateway"

    @property
    def uploads(self) -> Path:
        """Where the gateway leaves an update that was uploaded."""
        return self.root / "var/lib/achivx-gateway" / DIRECTORY

    @property
    def sticks(self) -> Path:
        """Where USB sticks are mounted, a directory each."""
        return self.root / "run/achivx-sticks"

    @property
    def key(self) -> Path:
        """The public key of whoever makes updates."""
        return self.root / "etc/achivx-host/update.pem"

    @property
    def profiles(self) -> Path:
        """NetworkManager's profiles."""
        return self.root / "etc/NetworkManager/system-connections"

    @property
    def access_point_secret(self) -> Path:
        """The password of the set-up access point; the label has it too."""
        return self.root / "etc/credstore/achivx-setup-wifi"

    @property
    def setup(self) -> Path:
        """Where the gateway keeps how far set-up has come."""
        return self.root / "var/lib/achivx-gateway/setup.json"

    @property
    def data(self) -> Path:
        """The card image's partition for what lasts; not there on other systems."""
        return self.root / "data"


class Host:
    """Does what has passed `verbs.check`.

    Args:
        places: Where everything is.
        run: Runs a command.
        set_clock: Sets the time, Unix seconds.
    """

    def __init__(
        self,
        places: Places,
        run: Run,
        *,
        set_clock: Callable[[float], None] = lambda unix_s: time.clock_settime(
            time.CLOCK_REALTIME, unix_s
        ),
    ) -> None:
        self._places: Final = places
        self._run: Final = run
        self._set_clock: Final = set_clock
        self._network: Final = Network(places.profiles, places.access_point_secret, run)
        self._sticks: Final = Sticks(places.sticks, run)
        self._releases: Final = Releases(places.home, lambda name: _log.info("update: %s", name))

    @property
    def built_s(self) -> float:
        """When the present release was built, Unix time."""
        return (self._places.home / "current" / COMPLETE).stat().st_mtime

    def do(self, verb: AnyVerb) -> Reply:
        """Do it.

        Raises:
            Refused: It cannot be done, and why.
            OSError: The disk or the system failed.
        """
        match verb:
            case verbs.SetClock(unix_s=unix_s):
                self._set_clock(unix_s)
            case verbs.SetHostname(name=name):
                self._rename(name)
            case verbs.SetWifi(ssid=ssid, password=password):
                with self._network.alone():
                    self._network.join(ssid, password)
            case verbs.OpenAccessPoint():
                with self._network.alone():
                    self._network.open_access_point(os.uname().nodename)
            case verbs.CloseAccessPoint():
                with self._network.alone():
                    self._network.close_access_point()
            case verbs.RestartBox():
                self._must("systemctl", "--no-block", "reboot")
            case verbs.ListSticks():
                return Reply(sticks=self._sticks.found())
            case verbs.ApplyUpdate():
                self._take(verb)
            case verbs.WriteBackup(stick=stick, file=file, name=name):
                self._sticks.write(stick, self._places.uploads / file, name)
        return Reply()

    def opened(self, verb: verbs.OpenBackup) -> IO[bytes]:
        """The file that goes with the reply.

        Raises:
            Refused: `no_backup`.
        """
        return self._sticks.opened(verb.name)

    # --- the box ---------------------------------------------------------------------------

    def _rename(self, name: str) -> None:
        self._must("hostnamectl", "hostname", name)
        if self._places.data.is_dir():  # a card's /etc is as it was written after each start
            write_atomic(self._places.data / "hostname", f"{name}\n".encode(), mode=0o644)
        # The page answers to the names that the box had when it started.
        self._must("systemctl", "--no-block", "try-restart", "achivx-webui.service")

    def _must(self, *words: str) -> None:
        code, said = self._run(words, COMMAND_S)
        if code:
            _log.error("%s: %s", " ".join(words), said.strip())
            raise Refused(
                "host_failed", f"{words[0]} did not do it: {' '.join(said.split())[-200:]}"
            )

    # --- updates ---------------------------------------------------------------------------

    def _take(self, verb: verbs.ApplyUpdate) -> None:
        with self._releases.locked(wait=False):
            if self._releases.trial() is not None:
                raise Refused("busy", "another update is on trial: wait for its end")
            present = self._present()
            with self._releases.staging() as work:
                manifest = self._unpacked(verb, present, work)
            self._releases.begin(
                Trial(
                    release=manifest.release,
                    back_to=present.release,
                    working=verb.working,
                    pager=verb.pager,
                )
            )

    def _unpacked(self, verb: verbs.ApplyUpdate, present: Present, work: Path) -> Manifest:
        """A bundle that is good for this box, as a tree beside the others."""
        copy, payload = work / "bundle", work / bundle.PAYLOAD
        self._copy(verb.stick, copy)
        manifest = bundle.verified(copy, self._places.key, work / "seal")
        bundle.suits(manifest, present, allow_older=verb.allow_older)
        self._need_room(manifest.unpacked + manifest.files[bundle.PAYLOAD].size)
        bundle.extract_payload(copy, manifest, payload)
        copy.unlink()
        try:
            self._releases.add(manifest.release, partial(bundle.unpack, payload, manifest))
        except tarfile.TarError as error:
            raise Refused("torn", f"the release cannot be unpacked: {error}") from error
        return manifest

    def _present(self) -> Present:
        release = self._releases.target("current")
        (library,) = (self._releases.path(release) / "lib").glob("python3.*")
        minor = int(library.name.removeprefix("python3."))
        return Present(release=release, model=bundle.model_of(os.uname().machine, minor))

    def _copy(self, stick: str, target: Path) -> None:
        """Into a place of root's own: what is looked at must be what is unpacked afterwards."""
        place = self._places.sticks / stick if stick else self._places.uploads / verbs.UPLOAD
        size = 0
        with contextlib.ExitStack() as held:
            source = held.enter_context(opened(place))
            if stick:
                held.enter_context(self._sticks.held(fcntl.LOCK_SH))
            self._need_room(min(os.fstat(source.fileno()).st_size, bundle.BUNDLE_BYTES))
            copy = held.enter_context(target.open("xb"))
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > bundle.BUNDLE_BYTES:
                    raise Refused("too_big", "this is bigger than any update of this box")
                copy.write(chunk)

    def _need_room(self, size: int) -> None:
        free = os.statvfs(self._places.home)
        needed = size + ROOM_BYTES
        if free.f_bavail * free.f_frsize < needed:
            raise Refused("no_room", f"the update needs {needed // 2**20} MiB of room on the card")
