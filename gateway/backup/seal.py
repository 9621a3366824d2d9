"""The backup's outside: one header of fixed length, then the archive, encrypted or not.

The primitives are other people's: Argon2id (argon2-cffi) makes two keys of the passphrase, the
system's OpenSSL encrypts with AES-256-CTR, and HMAC-SHA256 (Python's own) is taken over what came
out, and looked at before anything is decrypted.
"""

import hashlib
import hmac
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from argon2.low_level import Type, hash_secret_raw

from gateway.errors import CannotStart, Refused

FORMAT: Final = 1
PASSPHRASE_LEAST: Final = 8
HEADER_BYTES: Final = 512

_MAGIC: Final = b"achivx-backup\n"
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_BLOCK: Final = 1 << 20
_OPENSSL_S: Final = 600.0


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What can be known without the passphrase.

    Attributes:
        sha256: Of everything that follows the header.
        salt: Argon2's, in hex; None where nothing is encrypted.
        mac: HMAC-SHA256 of salt and ciphertext, in hex.
    """

    format: int
    sha256: str
    salt: str | None = None
    mac: str | None = None


def seal(plain: Path, out: Path, passphrase: str | None) -> None:
    """Write `plain` with a header to `out`, which only this user may read.

    Raises:
        Refused: `weak_passphrase`.
        OSError: The disk.
        CannotStart: There is no openssl.
    """
    if passphrase is None:
        _write(out, Header(format=FORMAT, sha256=_sha256(plain, 0)), plain)
        return
    if len(passphrase) < PASSPHRASE_LEAST:
        words = f"a passphrase has at least {PASSPHRASE_LEAST} characters"
        raise Refused("weak_passphrase", words)
    salt = secrets.token_bytes(_SALT_BYTES)
    cipher_key, mac_key = _keys(passphrase, salt)
    cipher = plain.with_suffix(".cipher")
    try:
        _openssl(cipher_key, plain, cipher)
        header = Header(
            format=FORMAT,
            sha256=_sha256(cipher, 0),
            salt=salt.hex(),
            mac=_mac(mac_key, salt, cipher, 0),
        )
        _write(out, header, cipher)
    finally:
        cipher.unlink(missing_ok=True)


def unseal(sealed: Path, plain: Path, passphrase: str | None) -> None:
    """Check `sealed` and write its archive to `plain`.

    Raises:
        Refused: `not_a_backup`, `newer_backup`, `damaged_backup`, `needs_passphrase` or
            `wrong_passphrase`.
        OSError: The disk.
        CannotStart: There is no openssl.
    """
    header = _header(sealed)
    if not hmac.compare_digest(_sha256(sealed, HEADER_BYTES), header.sha256):
        raise Refused("damaged_backup", "the file is damaged: its checksum does not fit")
    body = plain.with_suffix(".body")
    if header.salt is None:
        _copy(sealed, plain)
        return
    if not passphrase:
        raise Refused("needs_passphrase", "this backup is encrypted: its passphrase is needed")
    salt = bytes.fromhex(header.salt)
    cipher_key, mac_key = _keys(passphrase, salt)
    if not hmac.compare_digest(_mac(mac_key, salt, sealed, HEADER_BYTES), header.mac or ""):
        raise Refused("wrong_passphrase", "this is not the passphrase of this backup")
    try:
        _copy(sealed, body)
        _openssl(cipher_key, body, plain, "-d")
    finally:
        body.unlink(missing_ok=True)


def _header(sealed: Path) -> Header:
    with sealed.open("rb") as file:
        raw = file.read(HEADER_BYTES)
    if not raw.startswith(_MAGIC):
        raise Refused("not_a_backup", "this file is no backup of a box")
    try:
        # First the format alone: what follows may mean something else in a newer one.
        found = msgspec.json.decode(raw[len(_MAGIC) :], type=dict[str, object]).get("format")
        if isinstance(found, int) and found > FORMAT:
            raise Refused("newer_backup", "a newer program made this backup: upgrade this box")
        header = msgspec.json.decode(raw[len(_MAGIC) :], type=Header)
        bytes.fromhex(header.salt or "")
    except ValueError as error:  # msgspec's own are ValueErrors
        raise Refused("damaged_backup", f"the file is damaged: {error}") from error
    return header


def _write(out: Path, header: Header, body: Path) -> None:
    head = _MAGIC + msgspec.json.encode(header)
    with out.open("xb") as file, body.open("rb") as source:
        out.chmod(0o600)
        file.write(head.ljust(HEADER_BYTES - 1) + b"\n")
        shutil.copyfileobj(source, file, _BLOCK)


def _copy(sealed: Path, to: Path) -> None:
    with sealed.open("rb") as source, to.open("xb") as file:
        source.seek(HEADER_BYTES)
        shutil.copyfileobj(source, file, _BLOCK)


def _keys(passphrase: str, salt: bytes) -> tuple[bytes, bytes]:
    """OpenSSL's password and the MAC's key: 256 bits each. 64 MiB make guessing dear."""
    both = hash_secret_raw(
        passphrase.encode(),
        salt,
        time_cost=3,
        memory_cost=64 * 1024,
        parallelism=1,
        hash_len=2 * _KEY_BYTES,
        type=Type.ID,
    )
    return both[:_KEY_BYTES].hex().encode(), both[_KEY_BYTES:]


def _openssl(key: bytes, source: Path, out: Path, *direction: str) -> None:
    """Encrypt, or with `-d` decrypt. The key goes by stdin: others can read a command line."""
    # One round is enough: the password is 256 random bits already, of Argon2's making.
    words = ("enc", *direction, "-aes-256-ctr", "-pbkdf2", "-iter", "1", "-md", "sha256")
    files = ("-pass", "stdin", "-in", str(source), "-out", str(out))
    try:
        subprocess.run(
            ("openssl", *words, *files),
            input=key + b"\n",
            capture_output=True,
            check=True,
            timeout=_OPENSSL_S,
        )
    except FileNotFoundError as error:
        raise CannotStart("openssl is not installed: apt-get install openssl") from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise OSError(f"openssl: {why[0] if why else error.returncode}") from error


def _sha256(path: Path, offset: int) -> str:
    with path.open("rb") as file:
        file.seek(offset)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mac(key: bytes, salt: bytes, path: Path, offset: int) -> str:
    mac = hmac.new(key, salt, "sha256")
    with path.open("rb") as file:
        file.seek(offset)
        for block in _blocks(file):
            mac.update(block)
    return mac.hexdigest()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_BLOCK), b"")
