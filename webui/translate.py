"""Flask-Babel with types: the one module that imports it."""

from collections.abc import Callable
from datetime import date, datetime

import flask_babel
from flask import Flask


def install(app: Flask, choose: Callable[[], str]) -> None:
    """Give `app` its catalogues; `choose` names the language of each answer."""
    flask_babel.Babel(app, locale_selector=choose)


def chosen() -> str:
    """The language of this answer, `ru` or `en`."""
    return str(flask_babel.get_locale())


def gettext(text: str, **values: object) -> str:
    """The text in the reader's language."""
    return str(flask_babel.gettext(text, **values))


def ngettext(one: str, many: str, number: int) -> str:
    """The text for so many, which it may hold as `%(num)d`."""
    return str(flask_babel.ngettext(one, many, number))


def lazy_gettext(text: str) -> object:
    """The text in the language of whoever reads it later, by `str`."""
    found: object = flask_babel.lazy_gettext(text)
    return found


def spell_number(number: float) -> str:
    """A number as people write it, to a tenth, e.g. `1,234.5`."""
    return str(flask_babel.format_decimal(number, "#,##0.#"))


def spell_amount(number: float) -> str:
    """Tokens or money, to a hundredth where there is one: tokens come in quarters."""
    return str(flask_babel.format_decimal(number, "#,##0.##"))


def spell_date(day: date) -> str:
    """A date as people write it, e.g. `5 Nov 2026`."""
    return str(flask_babel.format_date(day, "medium", rebase=False))


def spell_moment(moment: datetime) -> str:
    """A moment as people write it, e.g. `5 Nov 2026, 14:05`."""
    return str(flask_babel.format_datetime(moment, "short", rebase=False))
