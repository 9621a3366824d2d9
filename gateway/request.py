"""What every request on the control socket is, and the answers that many of them share."""

from typing import ClassVar, Generic, TypeVar

import msgspec

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
