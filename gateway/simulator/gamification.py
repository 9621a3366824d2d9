"""The ACHIVX server's own JSON file: levels, actions, achievements and leader boards.

The format is that of ACHIVX-COM/reward-system, doc/configuration.md. Sections that the stand-in
has no use for (medals, experience reduction) are read over.
"""

from typing import Annotated, Final

import msgspec

UNLOCK: Final = "achivx.UnlockAchievement"  # recorded by the server, its key is the achievement

Positive = Annotated[int, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Level(msgspec.Struct, frozen=True):
    """A level, reached at `xp`; its reward is paid the first time an account gets there."""

    xp: Positive
    reward: NotNegative = 0.0


class Action(msgspec.Struct, frozen=True, rename="camel"):
    """What one action is worth."""

    xp: int = 0
    reward: float = 0.0
    repeatable: bool = False
    track_activity: bool = True


class Achievement(msgspec.Struct, frozen=True, tag_field="type", tag="ActionBased"):
    """Unlocked once the weights of an account's actions add up to the threshold."""

    actions: dict[str, int]
    threshold: Positive
    xp: Annotated[int, msgspec.Meta(ge=0)] = 0
    reward: NotNegative = 0.0


class ActionBoard(msgspec.Struct, frozen=True, tag_field="type", tag="ActionBased"):
    """Accounts by the weights of their actions."""

    actions: dict[str, int]
    size: Positive


class ExperienceBoard(msgspec.Struct, frozen=True, tag_field="type", tag="ExperienceBased"):
    """Accounts by experience."""

    size: Positive


class Gamification(msgspec.Struct, frozen=True, rename="camel"):
    """The whole file."""

    levels: tuple[Level, ...] = ()
    actions: dict[str, Action] = {}
    achievements: dict[str, Achievement] = {}
    leader_boards: dict[str, ActionBoard | ExperienceBoard] = {}

    def __post_init__(self) -> None:
        thresholds = [level.xp for level in self.levels]
        if thresholds != sorted(set(thresholds)):
            raise ValueError("each level must need more xp than the one before")
        self.actions[UNLOCK] = Action(repeatable=True, track_activity=False)

    def level_at(self, xp: int) -> int:
        """The level of an account with this much experience; 0 before the first."""
        return sum(level.xp <= xp for level in self.levels)


def read(data: bytes) -> Gamification:
    """Read the server's JSON file.

    Raises:
        msgspec.ValidationError: It says what is wrong and where.
    """
    return msgspec.json.decode(data, type=Gamification)
