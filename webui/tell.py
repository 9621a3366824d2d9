"""What a form says to the gateway: what was typed, and a refusal as a sentence on the next page."""

from typing import TypeVar

from flask import flash, request

from webui.client import Refused, Request
from webui.person import gateway
from webui.words import refusal

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


def typed(name: str, most: int) -> str:
    """A field of the form without what is around it, and no longer than `most` characters."""
    return request.form.get(name, "").strip()[:most]
