"""Holding the set-up button: what it resets, and what it says when it cannot."""

from pathlib import Path

import pytest

from gateway.access import Access
from gateway.config import Access as Rules
from gateway.config import Staff
from gateway.errors import Refused
from gateway.events import AnyEvent, FactoryResetRequested, FaultRaised, OwnerPinReset
from gateway.faults import Faults
from gateway.gestures import REQUESTED, RESET_MARK, Gestures
from gateway.inputs.verdicts import Released, SetupStage
from gateway.model import Role

STAFF = (Staff(name="Dee", role=Role.OWNER), Staff(name="Anna"))


class Box:
    def __init__(self, state: Path, staff: tuple[Staff, ...] = STAFF) -> None:
        self.recorded: list[AnyEvent] = []
        self.access = Access(state / "access.json", staff, Rules())
        self.faults = Faults(self.recorded.append)
        self.gestures = Gestures(state, self.access, self.faults, self.recorded.append)

    async def hold(self, stage: SetupStage | None) -> None:
        self.gestures.released(Released("setup", 0, 12 * 10**9, long=True, stage=stage))
        await self.gestures.settled()


async def test_the_owner_is_forgotten_and_the_others_are_not(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.access.set_pin("Dee", "4711")
    await box.access.set_pin("Anna", "0815")
    owner, staff = await box.access.login("Dee", "4711"), await box.access.login("Anna", "0815")
    await box.hold(SetupStage.PASSWORD_RESET)
    assert not box.access.is_claimed
    assert box.recorded == [OwnerPinReset(button="setup")]
    for refused in (box.access.login("Dee", "4711"), box.access.login("Dee", "4711")):
        with pytest.raises(Refused, match="do not fit"):
            await refused
    with pytest.raises(Refused, match="sign in"):
        box.access.session(owner.token)
    assert box.access.session(staff.token).staff == "Anna"
    again = Box(tmp_path)  # it lasts
    assert not again.access.is_claimed
    await again.access.set_pin("Dee", "4712")
    assert again.access.is_claimed


async def test_where_nobody_is_an_owner_everybody_is_forgotten(tmp_path: Path) -> None:
    box = Box(tmp_path, STAFF[1:])
    await box.access.set_pin("Anna", "0815")
    assert box.access.is_claimed
    await box.hold(SetupStage.PASSWORD_RESET)
    assert not box.access.is_claimed


async def test_a_short_hold_does_nothing(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.hold(None)
    assert box.recorded == []
    assert not box.faults.sentences()


async def test_a_factory_reset_is_asked_for_and_said(tmp_path: Path) -> None:
    box = Box(tmp_path)
    await box.access.set_pin("Dee", "4711")
    await box.hold(SetupStage.FACTORY_RESET)
    assert (tmp_path / RESET_MARK).is_file()
    assert box.access.is_claimed  # what it passed on the way is not done
    assert box.recorded == [
        FactoryResetRequested(button="setup"),
        FaultRaised(part="box/factory-reset", words=REQUESTED),
    ]
    # Until it has been done, every start says so.
    assert Box(tmp_path).faults.sentences() == (f"box/factory-reset: {REQUESTED}",)
    (tmp_path / RESET_MARK).unlink()
    assert Box(tmp_path).faults.sentences() == ()


async def test_a_disk_that_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box(tmp_path)
    await box.access.set_pin("Dee", "4711")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.gestures.write_atomic", full)
    monkeypatch.setattr("gateway.access.write_atomic", full)
    await box.hold(SetupStage.FACTORY_RESET)
    await box.hold(SetupStage.PASSWORD_RESET)
    assert box.access.is_claimed
    assert (await box.access.login("Dee", "4711")).staff == "Dee"
    reset, pins = sorted(box.faults.sentences(), reverse=True)
    assert "No space left on device" in reset
    assert pins.startswith("access: PINs cannot be kept")
