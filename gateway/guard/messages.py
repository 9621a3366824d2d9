"""What is said on the control socket about sessions and the audit log."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from gateway.model import Role
from gateway.request import Done, Request


class AuditKind(StrEnum):
    """What the audit log can be narrowed to."""

    SETTINGS = "settings"
    BOX = "box"
    GRANTS = "grants"
    CUSTOMERS = "customers"


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in somewhere. `id` opens nothing: it only names the session.

    Attributes:
        since_s: When they signed in, Unix time; None for a session of an older program.
        until_s: When it ends by itself.
        mine: Whether it is the asker's own, of this browser.
    """

    id: str
    staff: str
    since_s: float | None
    until_s: float
    mine: bool


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did.

    Attributes:
        at_s: Unix time.
        by: Who; empty for somebody at the set-up button.
        deed: A word of `guard/audit.py`.
        about: Names of what it was done to, never a secret: keys of the settings, a person's name.
        reason: What they gave as their reason.
    """

    at_s: float
    by: str
    kind: AuditKind
    deed: str
    about: tuple[str, ...] = ()
    reason: str = ""


class GetSessions(Request[tuple[SessionView, ...]], frozen=True, tag="sessions"):
    """The asker's own sessions; an owner's answer has everybody's."""


class EndSession(Request[Done], frozen=True, tag="end_session"):
    """End one of the sessions that `GetSessions` shows."""

    session: str


class EndSessions(Request[Done], frozen=True, tag="end_sessions"):
    """End all sessions of a person but the one that asks. Another's take an owner."""

    staff: str


class GetAudit(Request[tuple[AuditEntry, ...]], frozen=True, tag="audit"):
    """Who did what, the latest first; of the last `days`, if they are given."""

    needs: ClassVar[Role | None] = Role.OWNER
    kind: AuditKind | None = None
    by: str | None = None
    days: int | None = None


AnyGuardRequest = GetSessions | EndSession | EndSessions | GetAudit
