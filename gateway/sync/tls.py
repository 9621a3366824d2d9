"""Whom to trust on a TLS connection, and what to show there; and which hosts need none."""

import ssl
from ipaddress import ip_address
from typing import Final

import msgspec

from gateway.errors import CannotStart

TLS_LEAST: Final = ssl.TLSVersion.TLSv1_2


class Tls(msgspec.Struct, frozen=True):
    """Paths of PEM files; None means the public roots, and no certificate of our own."""

    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


def client_context(tls: Tls) -> ssl.SSLContext:
    """A context for clients: TLS 1.2 or later, the server's name and certificate checked.

    Raises:
        CannotStart: One of the files cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = TLS_LEAST
    try:
        if tls.ca_file is not None:
            context.load_verify_locations(tls.ca_file)
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file, password=_no_password)
    except OSError as error:  # ssl.SSLError is one
        named = (tls.ca_file, tls.certificate_file, tls.key_file)
        files = ", ".join(file for file in named if file)
        raise CannotStart(f"uplink: cannot use {files}: {error}") from error
    return context


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _no_password() -> str:
    """An encrypted key is refused, rather than asked for on a terminal nobody sits at."""
    return ""
