"""The rooms of the counter and the office, put together: what answers beside the box itself."""

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.access import Access
from gateway.backup.nightly import Nightly
from gateway.backup.service import BackupService
from gateway.clock import Clock
from gateway.config import Config
from gateway.config.settings import Loaded, Settings
from gateway.consent import Consent
from gateway.customers.room import CODE_KEY, CustomerRoom
from gateway.faults import Faults
from gateway.floor import Floor
from gateway.gestures import Gestures
from gateway.grants.cache import GrantCache
from gateway.grants.codes import Codes
from gateway.grants.desk import GrantDesk
from gateway.grants.grant import Grant
from gateway.grants.keys import read_codes
from gateway.grants.mirror import Mirror
from gateway.grants.service import RewardService
from gateway.grants.spending import SpendDesk
from gateway.guard.service import GuardService
from gateway.guard.told import tell
from gateway.host.service import HostService
from gateway.host.stick_service import StickService
from gateway.inputs.pins import Pins
from gateway.insights.service import InsightsService
from gateway.journal.store import Journal
from gateway.paging.lane import PageLane
from gateway.request import Request
from gateway.setup.changes import Changes
from gateway.setup.devices import DeviceService
from gateway.setup.pagers import PagerService
from gateway.setup.service import SetupService
from gateway.sync.choice import centre_of, take_pushes
from gateway.sync.lookup import Lookup
from gateway.sync.pushed import Pushes
from gateway.sync.service import CentreService
from gateway.sync.uplink import Uplink
from gateway.transfer.files import Transfer
from gateway.transfer.messages import Purpose
from gateway.transfer.service import TransferService


class Rooms:
    """Rewards, customers, set-up, settings, backups, figures, the centre's word, the box's host.

    Args:
        loaded: The settings in force.
        settings: Their only writer.
        clock: The time.
        journal: What happened.
        faults: Told what cannot be kept.
        floor: Alerts and pages.
        lane: The transmitters.
        pins: For learning buttons.
        access: Who may do what.
        gestures: What a set-up button has asked for.
        uplink: The way to the server, if any.
        on_change: Called after anything that a page shows has changed.
        start_anew: Called when the settings have changed.
    """

    def __init__(
        self,
        *,
        loaded: Loaded,
        settings: Settings,
        clock: Clock,
        journal: Journal,
        faults: Faults,
        floor: Floor,
        lane: PageLane,
        pins: Pins,
        access: Access,
        gestures: Gestures,
        uplink: Uplink | None,
        on_change: Callable[[], None],
        start_anew: Callable[[], None],
    ) -> None:
        config = loaded.config
        state = Path(config.paths.state)
        cache = GrantCache(state / "grants.json")
        consent = Consent(config.staff)
        self.mirror: Final = Mirror(cache, journal, config.offers, faults)
        self.lookup: Final = Lookup(
            centre_of(uplink),
            cache,
            clock,
            on_change=self.mirror.changed,
            may_show=consent.may_show,
            sent=lambda: (journal.epoch, uplink.cursor if uplink else 0),
        )
        codes = _read_codes(state, config, faults)

        def granted(grant: Grant) -> None:
            self.mirror.put(grant)
            on_change()

        self.grants: Final = GrantDesk(
            journal,
            codes,
            config.offers,
            granted,
            staff=config.staff,
            timezone=config.shop.timezone,
        )
        self.customers: Final = CustomerRoom(
            config=config,
            clock=clock,
            floor=floor,
            journal=journal,
            grants=self.grants,
            codes=codes,
            faults=faults,
            accounts=self.lookup,
            remembered=cache,
            on_forgotten=self.mirror.changed,
        )
        files = Transfer(state)
        self.host: Final = HostService(
            config=config,
            clock=clock,
            lane=lane,
            gestures=gestures,
            on_change=on_change,
            tell=partial(tell, journal, clock),
            files=files,
        )
        changes = Changes(
            settings,
            loaded.sha256,
            journal,
            clock,
            on_written=lambda written: access.know(written.staff),
            start_anew=start_anew,
        )
        take_pushes(uplink, Pushes(state, changes, self.grants, clock, faults, start_anew))
        self.setup: Final = SetupService(
            config=config,
            clock=clock,
            pins=pins,
            floor=floor,
            access=access,
            changes=changes,
            on_change=on_change,
            tell=partial(tell, journal, clock),
        )
        self._devices: Final = DeviceService(config, journal, floor)
        self._pagers: Final = PagerService(changes)
        self.backups: Final = BackupService(
            config=config,
            settings=settings,
            journal=journal,
            clock=clock,
            start_anew=start_anew,
            files=files,
            nightly=Nightly(state, faults),
        )
        self._sticks: Final = StickService(
            files=files, check=self.backups.check_upload, tell=partial(tell, journal, clock)
        )
        self._transfer: Final = TransferService(
            files,
            {
                Purpose.BACKUP: self.backups.check_upload,
                Purpose.UPDATE: self.host.check_upload,
            },
        )
        self._guard: Final = GuardService(access, journal, clock)
        self._insights: Final = InsightsService(
            config=config, clock=clock, journal=journal, uplink=uplink, settings=settings
        )
        spending = SpendDesk(journal, self.lookup.account, config.spending)
        self._rewards: Final = RewardService(clock, journal, spending)
        self._centre: Final = CentreService(self.lookup, clock, consent, config.shop)

    def disk_works(self) -> None:
        """The disk takes again what is written."""
        self.customers.disk_works()

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {
            **self.setup.handlers(),
            **self._devices.handlers(),
            **self._pagers.handlers(),
            **self.customers.handlers(),
            **self._guard.handlers(),
            **self.backups.handlers(),
            **self._insights.handlers(),
            **self._rewards.handlers(),
            **self.host.handlers(),
            **self._sticks.handlers(),
            **self._transfer.handlers(),
            **self._centre.handlers(),
        }


def _read_codes(state: Path, config: Config, faults: Faults) -> Codes:
    try:
        return read_codes(state / "grant.key", config.device.id)
    except OSError as error:
        # Nothing can be issued while the disk is like this: the journal refuses it.
        faults.set(CODE_KEY, f"the code key cannot be kept: {error.strerror}")
        return Codes(secrets.token_bytes(32), config.device.id)
