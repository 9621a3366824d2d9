"""What is said on the control socket about backups, restores and the support bundle."""

from typing import ClassVar

import msgspec

from gateway.model import Role
from gateway.request import Done, Request
from gateway.transfer.messages import FileView


class BackupView(msgspec.Struct, frozen=True, kw_only=True):
    """What a checked backup holds.

    Attributes:
        device: The box it was made on, and is to be again.
        made_s: Unix time, as that box believed it.
        version: The program that made it.
        files: The names of what is in it.
    """

    device: str
    shop: str
    made_s: float
    version: str
    files: tuple[str, ...]


class RestoreState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the state of before the latest restore is still kept aside."""

    can_go_back: bool


class MakeBackup(Request[FileView], frozen=True, tag="make_backup"):
    """Put the whole box into one file; without a passphrase it is not encrypted."""

    needs: ClassVar[Role | None] = Role.OWNER
    passphrase: str | None = None


class BackupFailed(Request[Done], frozen=True, tag="backup_failed"):
    """The nightly backup was not made, and why: a fault until one is made, by whomever."""

    needs: ClassVar[Role | None] = Role.OWNER
    words: str


class MakeBundle(Request[FileView], frozen=True, tag="make_bundle"):
    """Put together what support needs to see, with no secret in it."""

    needs: ClassVar[Role | None] = Role.OWNER


class Restore(Request[BackupView], frozen=True, tag="restore"):
    """Check an uploaded backup wholly; with `put`, then start anew as the box that it holds."""

    needs: ClassVar[Role | None] = Role.OWNER
    file: str
    passphrase: str | None = None
    put: bool = False


class GetRestore(Request[RestoreState], frozen=True, tag="get_restore"):
    """Whether there is a way back."""

    needs: ClassVar[Role | None] = Role.OWNER


class UndoRestore(Request[Done], frozen=True, tag="undo_restore"):
    """Start anew on the state of before the latest restore."""

    needs: ClassVar[Role | None] = Role.OWNER


AnyBackupRequest = MakeBackup | BackupFailed | MakeBundle | Restore | GetRestore | UndoRestore
