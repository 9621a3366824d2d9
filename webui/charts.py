"""Column charts as geometry for inline SVG, made here: a browser needs no script to draw them.

Units are those of the drawing's own view box; the scale is always 0 to 100, so that two charts can
be compared by eye.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 320
HEIGHT: Final = 150
_TOP: Final = 8
_BASE: Final = 128  # of the columns; the labels stand below
_LEFT: Final = 24  # the scale's numbers stand there
_GAP: Final = 0.22  # of a column's share of the width
_LABELS_MOST: Final = 8
_STUB: Final = 3.0  # the height of a column that is not told

LINES: Final = tuple(
    (level, _BASE - (_BASE - _TOP) * level / 100) for level in (0, 25, 50, 75, 100)
)
"""The lines of the scale, with their heights."""


@dataclass(frozen=True)
class Column:
    """One column: where it stands, and whether there is a value to tell.

    Attributes:
        label: Below it; empty where there is no room for every one.
        middle: Where the label stands.
    """

    x: float
    y: float
    width: float
    height: float
    label: str
    middle: float
    told: bool


def columns(names: Sequence[str], values: Sequence[float | None]) -> tuple[Column, ...]:
    """Columns for values from 0 to 100; None is drawn as an empty stub."""
    share = (WIDTH - _LEFT) / max(1, len(names))
    every = -(-len(names) // _LABELS_MOST)
    found = []
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        height = _STUB if value is None else (_BASE - _TOP) * min(100.0, max(0.0, value)) / 100
        left = _LEFT + at * share
        found.append(
            Column(
                x=round(left + share * _GAP / 2, 1),
                y=round(_BASE - height, 1),
                width=round(share * (1 - _GAP), 1),
                height=round(height, 1),
                label=name if at % every == 0 else "",
                middle=round(left + share / 2, 1),
                told=value is not None,
            )
        )
    return tuple(found)
