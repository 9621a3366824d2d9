"""One pager, tried and taught: which letters it shows, and which code a watch knows."""

from typing import Any, Final

from gateway.config import Config, Pager
from gateway.config.edit import Edit
from gateway.control import Asker
from gateway.errors import Refused
from gateway.paging import charsets, watch_codes
from gateway.request import Request
from gateway.setup import pager_messages as messages
from gateway.setup.changes import Changes

LETTERS: Final = "ЖЩЯ"
"""Letters that look like no Latin ones: a pager with another table shows something else."""
_SAMPLES: Final = {
    table: f"{number} {LETTERS}"
    for number, table in enumerate(
        (each for each in charsets.names() if each not in (charsets.LATIN, charsets.NUMERIC)), 1
    )
}


class PagerService:
    """Answers what the page of one pager asks.

    Args:
        changes: The settings, as they are written.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes: Final = changes

    def handlers(self) -> dict[type[Request[Any]], Any]:
        """What answers which request."""
        return {messages.GetPager: self._get, messages.SetPager: self._set}

    async def _get(self, request: messages.GetPager, _: Asker) -> messages.PagerView:
        return self._view(request.pager)

    async def _set(self, request: messages.SetPager, asker: Asker) -> messages.PagerView:
        config = self._changes.written()
        at, pager = _find(config, request.pager)
        edits = []
        if request.charset is not None:
            edits.append(Edit(("pagers", at, "charset"), request.charset))
        if request.new_codes:
            edits += _new_codes(config, at, pager)
        await self._changes.step(edits, asker.name)
        return self._view(request.pager)

    def _view(self, name: str) -> messages.PagerView:
        config = self._changes.written()
        _, pager = _find(config, name)
        is_watch = watch_codes.is_watch(config, pager)
        return messages.PagerView(
            name=pager.name,
            charset=pager.charset,
            samples={} if is_watch else _SAMPLES,
            lessons=_lessons(config, pager) if is_watch else (),
            applied=self._changes.applied,
        )


def _find(config: Config, name: str) -> tuple[int, Pager]:
    for at, pager in enumerate(config.pagers):
        if pager.name == name:
            return at, pager
    raise Refused("unknown_pager", f"no pager is named {name!r}")


def _lessons(config: Config, pager: Pager) -> tuple[messages.Lesson, ...]:
    return tuple(
        messages.Lesson(
            kind=kind,
            code=pager.codes.get(kind, pager.address).upper(),
            is_own=kind == watch_codes.BASE or kind in pager.codes,
        )
        for kind in watch_codes.kinds(config)
    )


def _new_codes(config: Config, at: int, pager: Pager) -> list[Edit]:
    if not watch_codes.is_watch(config, pager):
        raise Refused("bad_request", f"{pager.name} shows text and learns no codes")
    kinds = [kind for kind in watch_codes.kinds(config) if kind != watch_codes.BASE]
    base, *codes = watch_codes.fresh(config.pagers, len(kinds) + 1, watch_codes.draw)
    own = zip(kinds, codes, strict=True)
    return [
        Edit(("pagers", at, "address"), base),
        *(Edit(("pagers", at, "codes", kind), code) for kind, code in own),
    ]
