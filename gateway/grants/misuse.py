"""What speaks for misuse, pure: a score from the latest grants, with its reasons in words.

It lowers compensation to a manager's approval, never contact: nobody is left standing because of a
number. A single sign is never enough, save for granting to oneself; what nobody knows the age of
counts for nothing; and a manager overrides it with a reason, which is recorded and counted.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from gateway.clock import NS_PER_S, Stamp
from gateway.model import Label

NEEDS_MANAGER: Final = 60
"""From this score on a manager must say why it is granted."""
MOST: Final = 100

_HOUR_NS: Final = 3600 * NS_PER_S
_WEEK_NS: Final = 7 * 24 * _HOUR_NS
_MONTH_NS: Final = 30 * 24 * _HOUR_NS
_CUSTOMER_MONTH: Final = 3  # grants to one account in a month, from which on one more is a sign
_STAFF_HOUR: Final = 6  # by one person within an hour
_ZONE_HOUR: Final = 5  # in one zone within an hour
_UNPRESSED_LEAST: Final = 5  # by one person in a week, before their share without a press tells
_CONCENTRATION_LEAST: Final = 20  # to known accounts, before one account's share tells
_CONCENTRATION: Final = 0.25
_MASHING: Final = 10  # presses of one alert


class Claim(msgspec.Struct, frozen=True):
    """One grant that cost something: who promised it to whom, where, when, and whether pressed."""

    staff: str
    account: str | None
    zone: str | None
    pressed: bool
    at: Stamp


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The grant that is asked for.

    Attributes:
        claim: As it would be recorded.
        before: When the customer was promised something that costs, as far as it is kept.
        owner: Whose of the staff the customer's account is, None when nobody's.
        presses: Presses of its alert, and those of its zone that were playing with the buttons; 0
            without one.
    """

    claim: Claim
    before: tuple[Stamp, ...]
    owner: str | None
    presses: int


class Reason(msgspec.Struct, frozen=True):
    """One sign, how much it weighs, and its words."""

    sign: str
    points: int
    words: Label


class Verdict(msgspec.Struct, frozen=True):
    """All signs together."""

    reasons: tuple[Reason, ...]

    @property
    def score(self) -> int:
        """0 to 100."""
        return min(MOST, sum(reason.points for reason in self.reasons))

    @property
    def needs_manager(self) -> bool:
        """Whether a manager must approve."""
        return self.score >= NEEDS_MANAGER

    @property
    def words(self) -> Label:
        """The reasons as one text, the weightiest first."""
        ordered = sorted(self.reasons, key=lambda reason: -reason.points)
        return Label(
            ru="; ".join(reason.words.ru for reason in ordered),
            en="; ".join(reason.words.en for reason in ordered),
        )


def judge(asked: Request, latest: Iterable[Claim]) -> Verdict:
    """What speaks against a grant.

    Args:
        asked: The grant.
        latest: Grants before it, as far as they are kept; in any order.
    """
    aged = [(each, each.at.age_ns(asked.claim.at)) for each in latest]
    known = [(each, age_ns) for each, age_ns in aged if age_ns is not None and age_ns >= 0]
    month = [each for each, age_ns in known if age_ns <= _MONTH_NS]
    week = [each for each, age_ns in known if age_ns <= _WEEK_NS]
    hour = [each for each, age_ns in known if age_ns <= _HOUR_NS]
    signs = (
        *_self_dealing(asked),
        *_no_press(asked, week),
        *_repeat_customer(asked),
        *_concentration(asked.claim, month),
        *_busy_staff(asked.claim, hour),
        *_busy_zone(asked.claim, hour),
        *_mashing(asked),
    )
    return Verdict(signs)


def _self_dealing(asked: Request) -> Iterator[Reason]:
    if asked.owner is None:
        return
    if asked.owner == asked.claim.staff:
        words = Label(ru="это счёт того, кто выдаёт", en="the account is the granter's own")
        yield Reason("self_dealing", 100, words)
    else:
        words = Label(
            ru=f"это счёт сотрудника: {asked.owner}", en=f"the account is {asked.owner}'s, of staff"
        )
        yield Reason("self_dealing", 50, words)


def _no_press(asked: Request, week: list[Claim]) -> Iterator[Reason]:
    if asked.claim.pressed:
        return
    yield Reason("no_press", 15, Label(ru="никто не нажимал кнопку", en="nobody pressed a button"))
    own = [each for each in week if each.staff == asked.claim.staff]
    unpressed = sum(not each.pressed for each in own)
    if len(own) >= _UNPRESSED_LEAST and unpressed * 2 > len(own):
        words = Label(
            ru=f"{asked.claim.staff}: {unpressed} из {len(own)} за неделю без нажатия",
            en=f"{unpressed} of {asked.claim.staff}'s {len(own)} this week were without a press",
        )
        yield Reason("staff_without_press", 30, words)


def _repeat_customer(asked: Request) -> Iterator[Reason]:
    ages = (each.age_ns(asked.claim.at) for each in asked.before)
    times = sum(age_ns is not None and 0 <= age_ns <= _MONTH_NS for age_ns in ages)
    if times >= _CUSTOMER_MONTH:
        words = Label(
            ru=f"этому клиенту за месяц уже обещано: {times}",
            en=f"this customer was promised {times} in a month already",
        )
        yield Reason("repeat_customer", min(25 + 10 * (times - _CUSTOMER_MONTH), 55), words)


def _concentration(claim: Claim, month: list[Claim]) -> Iterator[Reason]:
    named = [each.account for each in month if each.account is not None]
    times = named.count(claim.account) if claim.account else 0
    if len(named) >= _CONCENTRATION_LEAST and times >= len(named) * _CONCENTRATION:
        words = Label(
            ru=f"один клиент получил {times} из последних {len(named)}",
            en=f"one customer was given {times} of the latest {len(named)}",
        )
        yield Reason("concentration", 25, words)


def _busy_staff(claim: Claim, hour: list[Claim]) -> Iterator[Reason]:
    times = sum(each.staff == claim.staff for each in hour)
    if times >= _STAFF_HOUR:
        words = Label(
            ru=f"{claim.staff} за час уже обещает: {times}",
            en=f"{claim.staff} promised {times} within an hour",
        )
        yield Reason("repeat_staff", 30, words)


def _busy_zone(claim: Claim, hour: list[Claim]) -> Iterator[Reason]:
    times = sum(each.zone == claim.zone for each in hour) if claim.zone else 0
    if times >= _ZONE_HOUR:
        words = Label(
            ru=f"в зоне {claim.zone} за час уже обещано: {times}",
            en=f"{times} were promised in zone {claim.zone} within an hour",
        )
        yield Reason("repeat_zone", 20, words)


def _mashing(asked: Request) -> Iterator[Reason]:
    if asked.presses >= _MASHING:
        words = Label(
            ru=f"кнопку нажали {asked.presses} раз подряд",
            en=f"the button was pressed {asked.presses} times in a row",
        )
        yield Reason("mashing", 20, words)
