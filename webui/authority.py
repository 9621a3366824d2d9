"""The box's own certificate authority, and the certificate that it makes for the page.

A shop's box has no name that a public authority would vouch for. So the box has an authority of its
own, which tablets are told to trust once. It can vouch for nothing but names and addresses of a
shop's own network: the constraints in its certificate say so to every browser, so that a stolen
key is of no use against any other site (RFC 5280, 4.2.1.10). OpenSSL's command makes it all.
"""

import hashlib
import ipaddress
import json
import os
import secrets
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

ROOT_DAYS: Final = 25 * 365
LEAF_DAYS: Final = 397
"""Apple takes at most 825 days from an authority that a person added, 398 from others."""
RENEW_DAYS: Final = 60
NAMES_MOST: Final = 32
"""Names and addresses in one certificate: a box that moves often forgets the oldest."""

_DAY_S: Final = 86400
_OPENSSL_S: Final = 30.0
_LOCAL: Final = ("local", "lan", "internal", "home.arpa")
_NETWORKS: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip


class CannotCertify(Exception):
    """No certificate can be made or read; the message says what to do."""


class Authority:
    """Keeps a root for the box's life, and a certificate that is renewed before it ends.

    Args:
        directory: Where both are kept; made where it is missing.
        names: What browsers may call this box.
        wall: Unix time in seconds. A box has no clock of its own: it may jump.
    """

    def __init__(
        self, directory: Path, names: Iterable[str], *, wall: Callable[[], float] = time.time
    ) -> None:
        self._directory: Final = directory
        self._names: Final = tuple(sorted(name for name in names if _may_certify(name)))
        self._wall: Final = wall
        self._one_at_a_time: Final = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._covered: tuple[str, ...] = ()
        self._until = 0.0

    @property
    def root(self) -> bytes:
        """The root's certificate as DER, made at the first call.

        Raises:
            CannotCertify: It can be neither read nor made.
        """
        with self._one_at_a_time:
            certificate, _, _ = self._root().read_text("ascii").partition("-----BEGIN PRIVATE")
            return ssl.PEM_cert_to_DER_cert(certificate)

    @property
    def fingerprint(self) -> str:
        """The root's SHA-256, as devices show it."""
        return ":".join(f"{byte:02X}" for byte in hashlib.sha256(self.root).digest())

    def context(self, address: str) -> ssl.SSLContext:
        """What a connection to this address of the box is served with.

        Raises:
            CannotCertify: There is no certificate, and none can be made.
        """
        wanted = address.partition("%")[0]
        with self._one_at_a_time:
            if self._context is None:
                self._load()
            is_new = _may_certify(wanted) and wanted not in self._covered
            if self._context is None or is_new or self._is_due():
                self._renew(wanted if is_new else None)
            assert self._context is not None  # noqa: S101 - made by one of the two
            return self._context

    # --- how -------------------------------------------------------------------------------

    @property
    def _leaf(self) -> Path:
        return self._directory / "page.pem"

    def _is_due(self) -> bool:
        """Also where it begins in the future: it was made while the clock was wrong."""
        left_s = self._until - self._wall()
        return not RENEW_DAYS * _DAY_S < left_s <= LEAF_DAYS * _DAY_S

    def _load(self) -> None:
        """Take what an earlier start has made; anything odd about it makes a new one."""
        try:
            head = json.loads(self._leaf.read_text("ascii").partition("\n")[0])
            covered, until = tuple(map(str, head["names"])), float(head["until"])
            if head["root"] != _digest(self._root()) or not set(self._names) <= set(covered):
                return
            self._context = _context(self._leaf, self._leaf)
            self._covered, self._until = covered, until
        except (OSError, ValueError, KeyError, TypeError, CannotCertify):
            self._context = None

    def _renew(self, address: str | None) -> None:
        known = [name for name in self._covered if name not in self._names]
        others = [*known, *([address] if address else [])][-NAMES_MOST + len(self._names) :]
        names = (*self._names, *others)
        root = self._root()
        with tempfile.TemporaryDirectory(dir=self._directory) as name:
            key, certificate = Path(name, "key"), Path(name, "certificate")
            settings = Path(name, "settings")
            settings.write_text(_LEAF.format(names=",".join(map(_spelled, names))), "ascii")
            until = self._wall() + LEAF_DAYS * _DAY_S
            _openssl(settings, key, certificate, LEAF_DAYS, "-CA", str(root), "-CAkey", str(root))
            head = json.dumps({"names": names, "until": until, "root": _digest(root)})
            whole = f"{head}\n{key.read_text('ascii')}{certificate.read_text('ascii')}"
        _write(self._leaf, whole)
        self._context = _context(self._leaf, self._leaf)
        self._covered, self._until = names, until

    def _root(self) -> Path:
        """The root with its key, in one file so that the two always fit."""
        path = self._directory / "authority.pem"
        if path.exists():
            return path
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._directory) as name:
                key, certificate = Path(name, "key"), Path(name, "certificate")
                settings = Path(name, "settings")
                settings.write_text(_root_settings(), "ascii")
                _openssl(settings, key, certificate, ROOT_DAYS)
                _write(path, certificate.read_text("ascii") + key.read_text("ascii"))
        except OSError as error:
            raise CannotCertify(f"no certificate can be kept in {self._directory}: {error}") from (
                error
            )
        return path


def given(certificate: Path, key: Path) -> ssl.SSLContext:
    """What IT gave.

    Raises:
        CannotCertify: The files cannot be used; the message says which.
    """
    try:
        return _context(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CannotCertify(f"{certificate} and {key} cannot be used: {error}") from error


_LEAF: Final = """\
[req]
prompt = no
distinguished_name = who
x509_extensions = what
[who]
CN = ACHIVX Store Gateway
[what]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {names}
"""

_ROOT: Final = """\
[req]
prompt = no
distinguished_name = who
x509_extensions = what
[who]
CN = {name}
[what]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
nameConstraints = critical,@within
[within]
{within}
"""


def _root_settings() -> str:
    within = [f"permitted;DNS.{at} = {name}" for at, name in enumerate(("localhost", *_LOCAL))]
    within += [
        f"permitted;IP.{at} = {network.network_address}/{network.netmask}"
        for at, network in enumerate(_NETWORKS)
    ]
    # Part of the name is random: a box that was reset is another authority, not a forged one.
    name = f"ACHIVX box {secrets.token_hex(4)}"
    return _ROOT.format(name=name, within="\n".join(within))


def _may_certify(name: str) -> bool:
    """Whether it is within what the root may vouch for."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(tuple(f".{each}" for each in _LOCAL))
    return any(address in network for network in _NETWORKS)


def _spelled(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _openssl(settings: Path, key: Path, out: Path, days: int, *signer: str) -> None:
    words = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    # 127 bits: a serial must not be guessed, nor be negative.
    serial = ("-set_serial", str(secrets.randbits(127)))
    files = ("-config", str(settings), "-keyout", str(key), "-out", str(out))
    try:
        subprocess.run(
            ("openssl", *words, "-days", str(days), *serial, *files, *signer),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_OPENSSL_S,
        )
    except FileNotFoundError as error:
        raise CannotCertify("openssl is not installed: apt-get install openssl") from error
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", b"") or b""
        raise CannotCertify(f"openssl: {said.decode(errors='replace').strip()}") from error


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for this user alone."""
    part = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
