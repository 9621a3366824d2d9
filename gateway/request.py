"""What every request on the control socket is, and the answers that many of them share."""

from typing import ClassVar, Generic, TypeVar

import msgspec

from gateway.alerts.case import Alert
from gateway.grants.grant import Grant
from gateway.model import Role

T_co = TypeVar("T_co", covariant=True)


class Request(msgspec.Struct, Generic[T_co], frozen=True, tag_field="op", kw_only=True):
    """The root of all requests; the parameter is the type of its answer.

    `needs` is the least role that may ask, None for anybody on the socket.
    """

    needs: ClassVar[Role | None] = Role.STAFF


class Done(msgspec.Struct, frozen=True):
    """Nothing more to say."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in person. `token` goes with every later request."""

    token: str
    staff: str
    role: Role


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with what depends on the present moment.

    Attributes:
        age_s: Seconds since the press; None when it is from another boot and nobody knows.
        next_page_s: Seconds until the ladder pages again; None when it will not.
        undo_s: Seconds for which whoever took it last can take that back; None when it stands.
        label_ru: The button's label, or the zone.
        unkept: It was done, but what was said of the customer could not be kept with it.
    """

    alert: Alert
    age_s: float | None
    next_page_s: float | None
    label_ru: str
    label_en: str
    undo_s: float | None = None
    unkept: bool = False


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    """A grant, and the offer's label as it was configured."""

    grant: Grant
    label_ru: str
    label_en: str
