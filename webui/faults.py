"""The gateway's faults as sentences: what does not work, and what to do about it.

The gateway names the part and tells the detail in plain English, for whoever mends it; this tells
the people of the shop what it means to them.
"""

from dataclasses import dataclass
from typing import Final

from webui.translate import gettext, lazy_gettext

_LOOK_AT_DISK: Final = lazy_gettext("Free some room on the disk, or change the card.")

_KNOWN: Final[tuple[tuple[str, object, object], ...]] = (
    (
        "transmitter/",
        lazy_gettext("The transmitter %(name)s does not work: pages may not go out."),
        lazy_gettext("Look at its power and its cable, then send a test page."),
    ),
    (
        "button/",
        lazy_gettext("The button %(name)s does not work as it should."),
        lazy_gettext("Look at the button and its wire; press it and let go."),
    ),
    (
        "input/",
        lazy_gettext("The box cannot read its buttons: %(name)s."),
        lazy_gettext("Start the gateway anew. If it comes back, look at the wires."),
    ),
    (
        "pager/",
        lazy_gettext("Nobody has confirmed today's test on the pager %(name)s."),
        lazy_gettext("Change its battery, then confirm the test."),
    ),
    (
        "journal/old",
        lazy_gettext("The record was damaged. What could be read was saved, and the box goes on."),
        lazy_gettext("Change the card soon."),
    ),
    (
        "journal/room",
        lazy_gettext("The record is full: nothing can be promised just now."),
        lazy_gettext("Bring the box back to the server, or give the record more room."),
    ),
    (
        "journal/disk",
        lazy_gettext("The disk is nearly full: nothing can be promised just now."),
        _LOOK_AT_DISK,
    ),
    ("journal", lazy_gettext("The box cannot write down what happens."), _LOOK_AT_DISK),
    ("disk", lazy_gettext("The box cannot use its disk."), _LOOK_AT_DISK),
    ("grant-cache", lazy_gettext("The counter's own list cannot be kept."), _LOOK_AT_DISK),
    ("grants", lazy_gettext("The key of the codes cannot be kept."), _LOOK_AT_DISK),
    (
        "personal/old",
        lazy_gettext("What was kept of customers was damaged, and is set aside."),
        lazy_gettext("Change the card soon."),
    ),
    ("personal", lazy_gettext("Notes and customers cannot be kept just now."), _LOOK_AT_DISK),
    (
        "access",
        lazy_gettext("The PINs could not be read or kept."),
        lazy_gettext("Give everyone a new PIN under Settings."),
    ),
    (
        "settings",
        lazy_gettext("The settings have a mistake: the last good ones are used."),
        lazy_gettext("Put the settings right: Settings, the whole file as text."),
    ),
    (
        "uplink/aside",
        lazy_gettext("One event could not be booked on the server, and is set aside for good."),
        lazy_gettext("Tell whoever looks after the ACHIVX server; nothing else waits."),
    ),
    (
        "centre",
        lazy_gettext("What the centre sent to this shop cannot be used."),
        lazy_gettext("Tell whoever pushes settings to this shop; it goes on as it was."),
    ),
    (
        "backup",
        lazy_gettext("The nightly backup was not made."),
        lazy_gettext(
            "Make a backup under Settings, The whole box: this goes, or you are told what is wrong."
        ),
    ),
    (
        "box/factory-reset",
        lazy_gettext("A factory reset was asked for, and is not done yet."),
        lazy_gettext("Leave the box switched on: it does that by itself."),
    ),
)
"""By the beginning of a part's name, the more exact first: what it means, and what to do."""


@dataclass(frozen=True)
class Fault:
    """One fault. `detail`: the gateway's own words; they are all there is of an unknown part."""

    sentence: str
    remedy: str
    detail: str


def fault(said: str) -> Fault:
    """One of the status's faults, `part: detail`, in the reader's language."""
    part, _, detail = said.partition(": ")
    for start, sentence, remedy in _KNOWN:
        if part.startswith(start):
            name = part.removeprefix(start).lstrip("/")
            return Fault(str(sentence).replace("%(name)s", name), str(remedy), detail)
    return Fault(
        gettext("A part of the box does not work: %(name)s.", name=part),
        gettext("If it lasts, start the gateway anew."),
        detail,
    )


def is_known(part: str) -> bool:
    """Whether a part has its own sentence."""
    return any(part.startswith(start) for start, _, _ in _KNOWN)
