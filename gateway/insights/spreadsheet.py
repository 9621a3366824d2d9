"""Everything that the figures say, as a table for a spreadsheet program."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.insights.messages import InsightsView

COLUMNS: Final = ("group", "name", "unit", "value", "p90", "n", "least")

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def rows(view: InsightsView) -> Iterator[tuple[str, ...]]:
    """A row for every figure and every bar, with one that names the columns before them."""
    yield COLUMNS
    yield ("span", f"{view.since}/{view.until}", view.timezone, "", "", "", "")
    for each in view.figures:
        numbers = (_number(each.value), _number(each.p90), str(each.n), str(each.least))
        yield ("figure", each.name, each.unit, *numbers)
    for group in ("hours", "weekdays", "zones", "points"):
        for bar in getattr(view, group):
            yield (group, bar.name, "index", _number(bar.value), "", str(bar.n), str(view.least))
    for person in view.staff:
        yield ("contacts", person.name, "", str(person.contacts), "", "", "")
        yield ("recovered", person.name, "", str(person.recovered), "", "", "")


def lines(table: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The table as CSV (RFC 4180), line by line.

    A cell that a spreadsheet program would take for a formula gets an apostrophe before it.
    """
    for row in table:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\r\n").writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell
