# ruff: noqa: INP001 - a part of make_release.py, which is run as a file
"""Packs a release as a signed update; gateway/host/bundle.py has the format and takes it apart."""

import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAYLOAD: Final = "release.tar.xz"
_COMPLETE: Final = "complete"
_SIGNATURE_BYTES: Final = 64


class CannotSign(RuntimeError):
    """It cannot be signed; the message is one sentence that says what to do."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A complete release.

    Attributes:
        path: Where it is.
        name: VERSION-HASH.
        model: The processor and Python that it is for.
        needs: The least version that can take it as an update.
    """

    path: Path
    name: str
    model: str
    needs: str


def pack(release: Release, key: Path, bundle: Path, work: Path) -> None:
    """Pack a release and sign it.

    Args:
        release: What is packed.
        key: The private Ed25519 key, PEM.
        bundle: Where it goes.
        work: A scratch directory.

    Raises:
        CannotSign: The key does not sign.
        OSError: Something cannot be read or written.
    """
    payload, manifest, signature = work / _PAYLOAD, work / "manifest.json", work / "manifest.sig"
    with tarfile.open(payload, "w:xz") as archive:
        archive.add(release.path, "", filter=_as_packed)
    files = (path for path in release.path.rglob("*") if path.is_file() and not path.is_symlink())
    said = {
        "format": 1,
        "version": release.name.rpartition("-")[0],
        "release": release.name,
        "model": release.model,
        "needs": release.needs,
        "unpacked": sum(path.stat().st_size for path in files),
        "files": {_PAYLOAD: {"size": payload.stat().st_size, "sha256": _sha256(payload)}},
    }
    manifest.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    _sign(manifest, signature, key)
    with tarfile.open(bundle, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in (manifest, signature, payload):
            archive.add(path, path.name, filter=_as_packed)


def _as_packed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.name == _COMPLETE:  # the box says so, once it has it all
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sign(manifest: Path, signature: Path, key: Path) -> None:
    words = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(manifest)]
    done = subprocess.run(
        [*words, "-out", str(signature)], capture_output=True, text=True, check=False
    )
    # Of another kind of key OpenSSL makes another signature, which no box would take.
    if done.returncode or signature.stat().st_size != _SIGNATURE_BYTES:
        raise CannotSign(
            f"{key} does not sign: an Ed25519 key is needed, as "
            "`openssl genpkey -algorithm ed25519` makes one."
        )
