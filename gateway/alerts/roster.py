"""Who is paged, pure: from the words of a ladder step to the pagers of people on duty."""

from collections.abc import Collection, Sequence

from gateway.config import Config, Staff
from gateway.model import Role


def wearers(config: Config) -> tuple[Staff, ...]:
    """Everyone who wears a pager, in the order of the file."""
    return tuple(person for person in config.staff if person.pager is not None)


def pagers_for(
    targets: tuple[str, ...], zone: str, wearers: Sequence[Staff], on_duty: Collection[str]
) -> tuple[str, ...]:
    """The pagers to buzz, each once, in the order of the file.

    A zone that nobody on duty covers falls to everyone on duty, and a shop with nobody on duty to
    everyone: somebody always hears it.

    Args:
        targets: The words of the ladder's step.
        zone: Where it was pressed.
        wearers: Everyone with a pager, in the order of the file.
        on_duty: The names of those who are on duty.
    """
    present = [person for person in wearers if person.name in on_duty] or wearers
    chosen: set[str] = set()
    for target in targets:
        chosen.update(person.name for person in _people(target, zone, present, wearers))
    names = (person.pager for person in wearers if person.name in chosen)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _people(
    target: str, zone: str, present: Sequence[Staff], wearers: Sequence[Staff]
) -> Sequence[Staff]:
    if target == "everyone":
        return present
    if target == "managers":
        managers = [person for person in present if person.role is not Role.STAFF]
        return managers or [person for person in wearers if person.role is not Role.STAFF]
    if target == "zone":
        return [person for person in present if covers(person, zone)] or present
    name = target.removeprefix("staff:")
    return [person for person in wearers if person.name == name]


def covers(person: Staff, zone: str) -> bool:
    """Whether a zone is this person's: no zones named means all of them."""
    return not person.zones or zone in person.zones
