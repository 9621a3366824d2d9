"""A signed update: what it must look like, and whether this box may take it.

A bundle is a plain tar with exactly three members, in this order:

    manifest.json    what it is, and the size and SHA-256 of the last member
    manifest.sig     64 bytes: Ed25519 (RFC 8032) over the bytes of manifest.json
    release.tar.xz   the release, as scripts/make_release.py built it

Until the signature is found good nothing is read but the manifest, and until the hash is, nothing
is unpacked: whoever brings a bundle talks to a JSON parser and to OpenSSL, and to no more.
"""

import contextlib
import hashlib
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

import msgspec

from gateway.errors import Refused
from gateway.plain_tar import content, next_file

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
PAYLOAD: Final = "release.tar.xz"
BUNDLE_BYTES: Final = 256 * 2**20
"""The longest bundle that is taken."""
UNPACKED_BYTES: Final = 1024 * 2**20
MANIFEST_BYTES: Final = 64 * 1024
SIGNATURE_BYTES: Final = 64
OPENSSL_S: Final = 20.0

_CHUNK: Final = 1 << 20
_VERSION: Final = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_RELEASE: Final = re.compile(r"\d[\w.]{0,40}-[0-9a-f]{12}", re.ASCII)

Version = tuple[int, int, int]


class FileSum(msgspec.Struct, frozen=True, kw_only=True):
    """Size in bytes and SHA-256, hexadecimal, of a member."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of itself.

    Attributes:
        model: What it runs on: `model_of`.
        needs: The least version that can take it.
        release: The name of its directory: VERSION-HASH.
        unpacked: Bytes of the release once it is unpacked.
        files: The members that follow the signature.
    """

    format: int
    version: str
    release: str
    model: str
    needs: str
    unpacked: int
    files: dict[str, FileSum]


class _Claim(msgspec.Struct, frozen=True):
    version: str


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """What runs here now: the release's name, and the model of its Python and processor."""

    release: str
    model: str

    @property
    def version(self) -> str:
        """The release's version."""
        return self.release.rpartition("-")[0]


def model_of(machine: str, minor: int) -> str:
    """What a release runs on: the processor as `uname -m` says it, and Python 3.minor."""
    return f"achivx-store-gateway/{machine}/python3.{minor}"


def version_of(text: str) -> Version:
    """A version as numbers that can be compared.

    Raises:
        Refused: `not_an_update`: it is none.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        raise Refused("not_an_update", f"{text[:40]!r} is no version")
    return int(found[1]), int(found[2]), int(found[3])


def suits(manifest: Manifest, present: Present, *, allow_older: bool) -> None:
    """Pass a bundle that this box may take: the signature is another question.

    Raises:
        Refused: `not_an_update`, `other_model`, `same_release`, `older`, `too_old_here` or
            `too_big`.
    """
    if manifest.format != FORMAT or not _RELEASE.fullmatch(manifest.release):
        raise Refused("not_an_update", "this bundle is of a kind that this version does not know")
    new, here = version_of(manifest.version), version_of(present.version)
    if manifest.release.rpartition("-")[0] != manifest.version or set(manifest.files) != {PAYLOAD}:
        raise Refused("not_an_update", "this bundle contradicts itself")
    if manifest.model != present.model:
        raise Refused(
            "other_model", f"this update is for {manifest.model}, and this box is {present.model}"
        )
    if manifest.release == present.release:
        raise Refused("same_release", f"this very release, {present.release}, runs already")
    if new < here and not allow_older:
        raise Refused(
            "older", f"{manifest.version} is older than {present.version}, which runs here"
        )
    if here < version_of(manifest.needs):
        raise Refused(
            "too_old_here",
            f"this update needs {manifest.needs}, and {present.version} runs here: "
            f"update to {manifest.needs} first",
        )
    if manifest.unpacked > UNPACKED_BYTES or manifest.files[PAYLOAD].size > BUNDLE_BYTES:
        raise Refused("too_big", "this update is bigger than any update of this box")


def verified(bundle: Path, key: Path, work: Path) -> Manifest:
    """The manifest of a bundle that was signed with the key this box trusts.

    Args:
        bundle: A file that nobody but root can change any more.
        key: The public key, PEM.
        work: A directory that only root writes to.

    Raises:
        Refused: `no_key`, `not_signed`, `torn`, `not_an_update`, or `host_failed`: OpenSSL gives no
            answer.
    """
    if not key.exists():
        raise Refused("no_key", "this box trusts no key, so it takes no updates: see operations")
    work.mkdir(mode=0o700, exist_ok=True)
    with _opened(bundle) as stream:
        manifest, signature = work / MANIFEST, work / SIGNATURE
        manifest.write_bytes(_read(stream, MANIFEST, MANIFEST_BYTES))
        signature.write_bytes(_read(stream, SIGNATURE, SIGNATURE_BYTES))
    if not _is_signed(manifest, signature, key):
        raise Refused("not_signed", "this is not signed with the key that this box trusts")
    try:
        return msgspec.json.decode(manifest.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not_an_update", "this version does not understand the manifest") from error


def claimed_version(stream: IO[bytes]) -> str:
    """The version that a bundle names, whoever made it; empty where it names none.

    Args:
        stream: The bundle, from its beginning.
    """
    try:
        manifest = msgspec.json.decode(_read(stream, MANIFEST, MANIFEST_BYTES), type=_Claim)
        version_of(manifest.version)
    except (Refused, tarfile.TarError, ValueError, EOFError, RecursionError):
        return ""  # msgspec's own are ValueErrors
    return manifest.version


def extract_payload(bundle: Path, manifest: Manifest, target: Path) -> None:
    """Copy the release's archive out of a verified bundle.

    Raises:
        Refused: `torn`: it is not the one that was signed.
        OSError: It cannot be written.
    """
    wanted = manifest.files[PAYLOAD]
    digest, size = hashlib.sha256(), 0
    with _opened(bundle) as stream, target.open("wb") as file:
        for name in (MANIFEST, SIGNATURE):
            _read(stream, name, MANIFEST_BYTES)
        for chunk in content(stream, _size(stream, PAYLOAD)):
            size += len(chunk)
            if size > wanted.size:
                break
            digest.update(chunk)
            file.write(chunk)
    if (size, digest.hexdigest()) != (wanted.size, wanted.sha256):
        raise Refused("torn", "the update is damaged or was changed: fetch it again")


def unpack(payload: Path, manifest: Manifest, target: Path) -> None:
    """Unpack a verified release into a new directory: plain files, directories and links only.

    Raises:
        Refused: `not_an_update`: it holds something else, or leads out of its place.
        OSError: It cannot be written.
    """
    target.mkdir()
    room = manifest.unpacked
    with tarfile.open(payload, "r:xz") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            beside = (target / path.parent).resolve()  # an earlier member may be a link
            if ".." in path.parts or not beside.is_relative_to(target.resolve()):
                raise Refused("not_an_update", "the release leads out of its place")
            place = target / path
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                place.symlink_to(member.linkname)
            elif member.isreg() and member.size <= room:
                room -= member.size
                _write(archive, member, place)
            else:
                raise Refused("not_an_update", "the release holds what it should not")


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    file = archive.extractfile(member)
    assert file is not None  # noqa: S101 - it is a plain file
    with place.open("xb") as copy:
        for chunk in _chunks(file):
            copy.write(chunk)
    place.chmod(0o755 if member.mode & 0o100 else 0o644)
    os.utime(place, (member.mtime, member.mtime))  # what was byte-compiled knows its source by it


def _is_signed(manifest: Path, signature: Path, key: Path) -> bool:
    # OpenSSL 3 is in every Debian that the gateway runs on, and nothing else here needs Ed25519:
    # a package for it would be another 4 MB in every shop.
    words = ["/usr/bin/openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
    try:
        done = subprocess.run(
            [*words, "-in", str(manifest), "-sigfile", str(signature)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=OPENSSL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        why = f"openssl gave no answer within {OPENSSL_S:.0f} s: try again"
        raise Refused("host_failed", why) from error
    return done.returncode == 0


@contextlib.contextmanager
def _opened(bundle: Path) -> Iterator[IO[bytes]]:
    """A bundle from its beginning; whatever is wrong with its frame is a torn bundle."""
    try:
        with bundle.open("rb") as stream:
            yield stream
    except (tarfile.TarError, UnicodeDecodeError, EOFError) as error:
        raise _torn() from error


def _torn() -> Refused:
    return Refused("torn", "this is no update, or only a part of one: fetch it again")


def _size(stream: IO[bytes], name: str) -> int:
    """How large the next file is, which has to be this one."""
    entry = next_file(stream)
    if entry is None or entry.name != name:
        raise _torn()
    return entry.size


def _read(stream: IO[bytes], name: str, most: int) -> bytes:
    size = _size(stream, name)
    if size > most:
        raise _torn()
    return b"".join(content(stream, size))


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
