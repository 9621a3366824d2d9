"""A gRPC channel to the ACHIVX server: TLS, or plaintext where the configuration permits it.

Every call carries the server's one master token, so plaintext is never a fallback.
"""

from pathlib import Path
from typing import Final

import grpc
import grpc.aio

from gateway.errors import CannotStart
from gateway.sync.tls import Tls, client_context, is_loopback

__all__ = ["Tls", "credentials", "open_channel"]

PLAINTEXT_NEVER: Final = "never"
PLAINTEXT_LOOPBACK: Final = "loopback"
PLAINTEXT_ANYWHERE: Final = "i-accept-that-the-token-is-readable"

# Names and meanings: grpc/impl/channel_arg_names.h. The defaults wait up to two minutes before
# looking again for a server that went away; here it is found within about a second.
_OPTIONS: Final = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # how long one attempt to connect may take
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ("grpc.keepalive_time_ms", 60_000),  # finds a dead path under a call with a long deadline
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.enable_retries", 0),  # the caller retries: it knows the key
    ("grpc.enable_http_proxy", 0),  # no environment variable decides who sees the token
)


def credentials(address: str, plaintext: str, tls: Tls) -> grpc.ChannelCredentials | None:
    """What to open the channel with: None is plaintext.

    Args:
        address: `host:port`, an IPv6 host in brackets.
        plaintext: `never`, `loopback` or `i-accept-that-the-token-is-readable`.
        tls: Used when `plaintext` is `never`.

    Raises:
        CannotStart: The address, policy or files cannot be used; it says why.
    """
    host = _host(address)
    if plaintext == PLAINTEXT_NEVER:
        return _tls_credentials(tls)
    if plaintext == PLAINTEXT_ANYWHERE:
        return None
    if plaintext != PLAINTEXT_LOOPBACK:
        raise CannotStart(f"uplink: plaintext cannot be {plaintext!r}")
    if not is_loopback(host):
        raise CannotStart(
            f"uplink: plaintext = {plaintext!r} is for a server on this machine, and {host} is "
            "not: the token could be read on the way. Put a TLS proxy before the server"
        )
    return None


def open_channel(address: str, secure: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    """Open a channel from inside the event loop that will use it."""
    target = f"dns:///{address}"
    if secure is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    return grpc.aio.secure_channel(target, secure, options=_OPTIONS)


def _host(address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise CannotStart(f"uplink: address must be host:port, not {address!r}")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise CannotStart(f"uplink: an IPv6 address needs brackets, as in [{host}]:{port}")
    return host[1:-1] if bracketed else host


def _tls_credentials(tls: Tls) -> grpc.ChannelCredentials:
    if (tls.certificate_file is None) != (tls.key_file is None):
        raise CannotStart("uplink: a client certificate and its key must both be set, or neither")
    client_context(
        tls
    )  # gRPC would take broken files and then call the server unavailable for ever
    return grpc.ssl_channel_credentials(
        _read(tls.ca_file), _read(tls.key_file), _read(tls.certificate_file)
    )


def _read(file: str | None) -> bytes | None:
    return None if file is None else Path(file).read_bytes()
