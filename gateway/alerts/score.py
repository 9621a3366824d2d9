"""The happy index, pure: what each smiley weighs, and their mean.

Four smileys weigh 100, 66.7, 33.3 and 0; a panel with a neutral one has the scale of five, 100,
75, 50, 25 and 0. Weights are whole tenths, so that a sum is the same in any order.
"""

from collections.abc import Sequence
from typing import Final

from gateway.model import ButtonKind

_OF_FOUR: Final = {
    ButtonKind.VERY_HAPPY: 1000,
    ButtonKind.HAPPY: 667,
    ButtonKind.NEUTRAL: 500,  # of a panel that has had a neutral button once
    ButtonKind.UNHAPPY: 333,
    ButtonKind.VERY_UNHAPPY: 0,
}
_OF_FIVE: Final = {
    ButtonKind.VERY_HAPPY: 1000,
    ButtonKind.HAPPY: 750,
    ButtonKind.NEUTRAL: 500,
    ButtonKind.UNHAPPY: 250,
    ButtonKind.VERY_UNHAPPY: 0,
}


def tenths(kind: ButtonKind, *, of_five: bool) -> int:
    """What one smiley weighs, 0 to 1000.

    Args:
        kind: A smiley.
        of_five: Whether its panel has a neutral button.

    Raises:
        KeyError: It is no smiley.
    """
    return (_OF_FIVE if of_five else _OF_FOUR)[kind]


def happy_index(weights: Sequence[int]) -> float:
    """The index, 0 to 100, of smileys by their weights in tenths.

    Raises:
        ZeroDivisionError: There are none.
    """
    return sum(weights) / (10 * len(weights))
