"""The words of the key figures: what each is called, and its formula."""

from typing import Final

from webui.client import Bar, Figure
from webui.translate import gettext, lazy_gettext, spell_number
from webui.words import duration

TITLES: Final = {
    "happy_index": lazy_gettext("Happy index"),
    "red_rate": lazy_gettext("Unhappy presses"),
    "misuse_rate": lazy_gettext("Presses that do not count"),
    "time_to_page": lazy_gettext("From the press to the page"),
    "time_to_acknowledge": lazy_gettext("Until somebody goes"),
    "time_to_contact": lazy_gettext("Until somebody is with the customer"),
    "time_to_close": lazy_gettext("Until it is closed"),
    "contact_before_exit": lazy_gettext("Met before they left"),
    "sla_rate": lazy_gettext("Met in time"),
    "escalation_rate": lazy_gettext("Called further up the ladder"),
    "recovery_rate": lazy_gettext("Recovered"),
    "double_deviation": lazy_gettext("Unhappy again at once"),
    "repeat_cause_rate": lazy_gettext("The same cause again"),
    "cost_per_recovery": lazy_gettext("Cost of a recovery"),
    "grant_concentration": lazy_gettext("Grants to the same few"),
    "sync_completeness": lazy_gettext("On the central server"),
}

FORMULAS: Final = {
    "happy_index": lazy_gettext(
        "The mean of all smileys that count. With four buttons they weigh 100, 66.7, 33.3 and 0;"
        " with five 100, 75, 50, 25 and 0."
    ),
    "red_rate": lazy_gettext("Unhappy smileys ÷ all smileys that count × 100."),
    "misuse_rate": lazy_gettext(
        "Presses with a flag (repeated, mashed, several at once, a run of greens after a red) ÷ all"
        " presses × 100. What a wire did by itself is no press."
    ),
    "time_to_page": lazy_gettext(
        "From the press to the first byte of its first page at the transmitter; p50 is the middle,"
        " 90 of 100 are no slower than p90."
    ),
    "time_to_acknowledge": lazy_gettext("From the press to the first “I am going”."),
    "time_to_contact": lazy_gettext("From the press to the first “I am with the customer”."),
    "time_to_close": lazy_gettext("From the press to its outcome; missed ones have none."),
    "contact_before_exit": lazy_gettext(
        "Incidents in which somebody met the customer and the customer had not left ÷ incidents"
        " that were neither false alarm nor misuse × 100."
    ),
    "sla_rate": lazy_gettext("Incidents met within 2 minutes of the press ÷ incidents × 100."),
    "escalation_rate": lazy_gettext(
        "Incidents that climbed to the third step of the ladder or further ÷ incidents × 100."
    ),
    "recovery_rate": lazy_gettext("Incidents closed as recovered ÷ incidents met × 100."),
    "double_deviation": lazy_gettext(
        "Incidents within 10 minutes of the one before at the same point ÷ incidents × 100."
    ),
    "repeat_cause_rate": lazy_gettext(
        "Incidents with a cause that the same point had within 7 days before ÷ incidents × 100."
    ),
    "cost_per_recovery": lazy_gettext(
        "What the grants cost that were made and not taken back ÷ incidents recovered."
    ),
    "grant_concentration": lazy_gettext(
        "Grants to the one percent of customers who got most ÷ grants to known customers × 100."
    ),
    "sync_completeness": lazy_gettext(
        "Records that the server has confirmed ÷ records of the journal × 100, as of now."
    ),
}

WEEKDAYS: Final = {
    "mon": lazy_gettext("Mon"),
    "tue": lazy_gettext("Tue"),
    "wed": lazy_gettext("Wed"),
    "thu": lazy_gettext("Thu"),
    "fri": lazy_gettext("Fri"),
    "sat": lazy_gettext("Sat"),
    "sun": lazy_gettext("Sun"),
}


def told(figure: Figure) -> str:
    """The figure's value for a person; why there is none, where there is none."""
    if figure.value is None:
        return too_few(figure.n, figure.least)
    if figure.unit == "percent":
        return gettext("%(n)s %%", n=spell_number(figure.value))
    if figure.unit == "s":
        return length(figure.value)
    return spell_number(figure.value)


def unsent(figure: Figure, uplink: str) -> str:
    """Why the server has nothing of what happened here; empty where it has something.

    Args:
        figure: Any; only `sync_completeness` has this to tell.
        uplink: The kind of the way to the server, as in the settings.
    """
    if figure.name != "sync_completeness" or figure.value:
        return ""
    if uplink == "none":
        return gettext("No central server is set up: everything is kept on the box until one is.")
    if not figure.n:
        return gettext("Nothing has happened yet that could be sent.")
    return gettext(
        "The server has confirmed nothing yet, and nothing is lost: the box sends it once it"
        " reaches the server. Devices tell how that stands."
    )


def bar(one: Bar, least: int) -> str:
    """The happy index of one hour, weekday, zone or point."""
    return too_few(one.n, least) if one.value is None else spell_number(one.value)


def too_few(n: int, least: int) -> str:
    """Why a figure is not told."""
    return gettext("too few: %(n)s of %(least)s", n=spell_number(n), least=spell_number(least))


def length(seconds: float) -> str:
    """A length of time; short ones to a tenth of a second."""
    if seconds < 10:
        return gettext("%(n)s s", n=spell_number(seconds))
    return duration(seconds)
