"""The table for a spreadsheet program: nothing in it is run, and it reads back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.insights.messages import Bar, Figure, InsightsView, StaffCount
from gateway.insights.spreadsheet import COLUMNS, lines, rows

VIEW = InsightsView(
    since="2026-11-01",
    until="2026-11-07",
    timezone="UTC",
    at_s=0,
    least=30,
    contact_target_s=120,
    presses=10**12,
    unsure=0,
    incidents=40,
    figures=(
        Figure(name="time_to_page", unit="s", n=40, least=30, value=0.5, p90=1.25),
        Figure(name="red_rate", unit="percent", n=3, least=30, value=None),
    ),
    hours=(),
    weekdays=(),
    zones=(Bar(name='=HYPERLINK("x")', n=10**12, value=50.0),),
    points=(),
    staff=(StaffCount(name="Anna, the first", contacts=3, recovered=2),),
)


def test_everything_is_in_it() -> None:
    table = list(csv.reader(io.StringIO("".join(lines(rows(VIEW))), newline="")))
    assert table == [
        list(COLUMNS),
        ["span", "2026-11-01/2026-11-07", "UTC", "", "", "", ""],
        ["figure", "time_to_page", "s", "0.50", "1.25", "40", "30"],
        ["figure", "red_rate", "percent", "", "", "3", "30"],
        ["zones", '\'=HYPERLINK("x")', "index", "50.00", "", "1000000000000", "30"],
        ["contacts", "Anna, the first", "", "3", "", "", ""],
        ["recovered", "Anna, the first", "", "2", "", "", ""],
    ]


@given(st.lists(st.text(), min_size=1), st.sampled_from("=+-@\t\r"))
def test_no_cell_begins_as_a_formula(cells: list[str], sign: str) -> None:
    line = "".join(lines([(*cells, f"{sign}1+1")]))
    assert line.endswith("\r\n")
    (row,) = csv.reader(io.StringIO(line, newline=""))
    assert [cell for cell in row if cell[:1] in tuple("=+-@\t\r")] == []
    assert [cell.removeprefix("'") for cell in row[-1:]] == [f"{sign}1+1"]


@pytest.mark.parametrize("cell", ['a "b"', "a,b", "a\nb", "Зал"])
def test_a_harmless_cell_comes_back_as_it_was(cell: str) -> None:
    assert next(csv.reader(io.StringIO("".join(lines([(cell,)])), newline=""))) == [cell]
