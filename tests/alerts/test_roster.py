"""Who is paged: the words of a ladder step against the roster of people on duty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alerts.roster import pagers_for, wearers
from gateway.config import Config, Device, Shop, Staff
from gateway.model import Role

STAFF = (
    Staff(name="Anna", pager="p-anna", zones=("till",)),
    Staff(name="Bo", pager="p-bo", zones=("exit",)),
    Staff(name="Cy", pager="p-cy"),  # no zone named: all of them
    Staff(name="Dee", pager="p-dee", role=Role.MANAGER, zones=("office",)),
    Staff(name="Eve", pager="p-anna", zones=("office",)),  # shares Anna's pager
    Staff(name="Finn", role=Role.OWNER),  # carries none
)
CONFIG = Config(device=Device(id="d"), shop=Shop(name="s", account="a"), staff=STAFF)
ALL = {person.name for person in STAFF}


def paged(*targets: str, zone: str = "till", present: set[str] | None = None) -> list[str]:
    here = ALL if present is None else present
    return list(pagers_for(targets, zone, wearers(CONFIG), here))


def test_a_zone_means_whoever_is_on_duty_for_it() -> None:
    assert paged("zone") == ["p-anna", "p-cy"]
    assert paged("zone", zone="exit", present={"Anna", "Bo"}) == ["p-bo"]


def test_a_zone_that_nobody_on_duty_covers_falls_to_everyone_on_duty() -> None:
    assert paged("zone", zone="till", present={"Bo", "Dee"}) == ["p-bo", "p-dee"]


def test_a_shop_with_nobody_on_duty_falls_to_whoever_covers_it() -> None:
    assert paged("zone", zone="exit", present=set()) == ["p-bo", "p-cy"]
    assert paged("everyone", present=set()) == ["p-anna", "p-bo", "p-cy", "p-dee"]


def test_someone_on_duty_without_a_pager_does_not_count_as_somebody() -> None:
    assert paged("everyone", present={"Finn"}) == ["p-anna", "p-bo", "p-cy", "p-dee"]


def test_managers_are_the_ones_on_duty_or_else_those_who_are_not() -> None:
    assert paged("managers") == ["p-dee"]
    assert paged("managers", present={"Anna"}) == ["p-dee"]


def test_a_person_named_in_the_step_is_paged_on_duty_or_not() -> None:
    assert paged("staff:Bo", present={"Anna"}) == ["p-bo"]


def test_targets_add_up_and_each_pager_buzzes_once() -> None:
    assert paged("zone", "managers") == ["p-anna", "p-cy", "p-dee"]
    assert paged("staff:Eve", "staff:Anna") == ["p-anna"]


@pytest.mark.parametrize("target", ["zone", "everyone", "managers"])
@given(present=st.sets(st.sampled_from(sorted(ALL))), zone=st.text(max_size=5))
def test_somebody_always_hears_it(target: str, present: set[str], zone: str) -> None:
    assert paged(target, zone=zone, present=present)
