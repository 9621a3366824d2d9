"""What is said on the control socket about one pager: to try it, to teach it, to get it right."""

from typing import ClassVar

import msgspec

from gateway.model import Role
from gateway.request import Request


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of page, and the code that a watch learns for it."""

    kind: str
    code: str
    is_own: bool


class PagerView(msgspec.Struct, frozen=True, kw_only=True):
    """One pager.

    Attributes:
        name: As configured.
        charset: The code table that it is set to.
        samples: By code table, the text that is readable only on a pager with that table.
        lessons: What a watch can be taught; none for a pager that shows text.
        applied: Whether the gateway runs on the settings as they are written.
    """

    name: str
    charset: str
    samples: dict[str, str]
    lessons: tuple[Lesson, ...]
    applied: bool


class GetPager(Request[PagerView], frozen=True, tag="pager"):
    """One pager, as the settings have it."""

    needs: ClassVar[Role | None] = Role.MANAGER
    pager: str


class SetPager(Request[PagerView], frozen=True, tag="set_pager"):
    """Change the pager's code table, or give a watch new codes of its own, which it then learns."""

    needs: ClassVar[Role | None] = Role.OWNER
    pager: str
    charset: str | None = None
    new_codes: bool = False


AnyPagerRequest = GetPager | SetPager
