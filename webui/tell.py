"""What a form says to the gateway: what was typed, and a refusal as a sentence on the next page."""

from typing import TypeVar

from flask import flash, request

from webui.client import Refused, Request, SendPage, Unreachable
from webui.person import gateway
from webui.refusals import refusal
from webui.translate import gettext
from webui.words import RECEIPTS, word

T = TypeVar("T")


def tell(said: Request[T]) -> T | None:
    """Ask the gateway; None where it refuses, and the next page says why.

    Raises:
        Unreachable: It is gone, or took too long.
    """
    try:
        return gateway().call(said)
    except Refused as error:
        flash(refusal(error), "bad")
        return None


def page(asked: SendPage) -> None:
    """Have a pager buzz; the next page says what the transmitter answered."""
    try:
        receipt = gateway().call(asked).receipt
    except Refused as error:
        flash(refusal(error), "bad")
        return
    except Unreachable:  # longer than a page can wait; the log of faults tells how it went
        told = gettext("%(pager)s: no receipt yet. Look here again in a minute.", pager=asked.to)
        flash(told, "bad")
        return
    said = word(RECEIPTS, receipt.state)
    if receipt.is_durable:
        flash(gettext("%(pager)s: %(said)s. Did it buzz?", pager=asked.to, said=said), "good")
    else:
        flash(gettext("%(pager)s: %(said)s.", pager=asked.to, said=said), "bad")


def typed(name: str, most: int) -> str:
    """A field of the form without what is around it, and no longer than `most` characters."""
    return request.form.get(name, "").strip()[:most]
