"""The command line of the page: read the options, take the port, and serve."""

import argparse
import errno
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from webui import secret
from webui.authority import Authority, CannotCertify, given
from webui.options import Options
from webui.security import own_names
from webui.tls import Tls

LISTEN: Final = "127.0.0.1:8080"
CONTROL: Final = "/run/achivx-gateway/control.sock"
STATE: Final = "/var/lib/achivx-webui"
_BACKLOG: Final = 128
_PORT_MOST: Final = 65535


class CannotServe(Exception):
    """The page cannot begin; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 1 with one sentence when that cannot begin."""
    chosen = _parser().parse_args(arguments)
    try:
        key = secret.read(chosen.secret_key) if chosen.secret_key else secret.kept(chosen.state)
        listener = listen(chosen.listen)
        tls = _tls(chosen) if chosen.tls else None
    except (CannotServe, secret.BadSecret, CannotCertify) as error:
        print(f"achivx-webui: {error}", file=sys.stderr)
        return 1
    options = Options(
        control=chosen.control,
        simulator=chosen.simulator,
        secret_key=key,
        allowed_hosts=tuple(chosen.allowed_host),
        tls_port=None if tls is None else tls.port,
        plain_http=chosen.plain_http,
        authority=None if tls is None else tls.authority,
    )
    # Only now: the port is ours before the half second that the imports take.
    from webui.server import Server  # noqa: PLC0415

    Server(listener.fileno(), _url(listener), options, tls).run()
    return 0


def _tls(chosen: argparse.Namespace) -> Tls:
    """Take the port for TLS, and see that there is a certificate before anybody asks for it.

    Raises:
        CannotServe: As `listen`, or a certificate came without its key.
        CannotCertify: There is none.
    """
    listener = listen(chosen.tls)
    host, port = listener.getsockname()[:2]
    if (chosen.certificate is None) != (chosen.key is None):
        raise CannotServe("--certificate and --key go together")
    if chosen.certificate is not None:
        context = given(chosen.certificate, chosen.key)
        return Tls(listener.detach(), port, lambda _: context, None)
    authority = Authority(chosen.state / "tls", own_names())
    authority.context(host)
    return Tls(listener.detach(), port, authority.context, authority)


def listen(address: str) -> socket.socket:
    """A listening socket at `HOST:PORT`; an IPv6 address stands in brackets.

    Raises:
        CannotServe: The address is no address, or the port is not to be had.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit():
        raise CannotServe(f"--listen takes HOST:PORT, as in {LISTEN}, not {address!r}")
    if int(port) > _PORT_MOST:  # the resolver would silently take the remainder
        raise CannotServe(f"there is no port {port}: the largest is {_PORT_MOST}")
    try:
        family, kind, _, _, name = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise CannotServe(f"there is no address {address}: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(name)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotServe(_why_not(address, error)) from error
    return listener


def _why_not(address: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address} is in use by another program: stop it, "
            "or choose another port with --listen HOST:PORT"
        )
    if error.errno == errno.EACCES:
        return f"{address} needs rights this user lacks: choose a port above 1023 with --listen"
    return f"cannot listen at {address}: {os.strerror(error.errno or 0)}"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="achivx-webui", description="The local page of the ACHIVX Store Gateway."
    )
    parser.add_argument("--listen", metavar="HOST:PORT", default=LISTEN, help="default %(default)s")
    parser.add_argument(
        "--control",
        metavar="SOCKET",
        type=Path,
        default=Path(CONTROL),
        help="the gateway's control socket, default %(default)s",
    )
    parser.add_argument(
        "--simulator",
        metavar="SOCKET",
        type=Path,
        help="the simulated shop's socket: adds the page to play with",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        default=Path(STATE),
        help="where the cookies' secret key is kept, default %(default)s",
    )
    parser.add_argument(
        "--secret-key", metavar="FILE", type=Path, help="a key of your own, instead of a kept one"
    )
    parser.add_argument(
        "--tls",
        metavar="HOST:PORT",
        help="serve the page with TLS there; the other port then only leads to it, after set-up",
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="with --tls: serve it without TLS too"
    )
    parser.add_argument(
        "--certificate",
        metavar="FILE",
        type=Path,
        help="a certificate of your own as PEM, with its chain; else the box makes one",
    )
    parser.add_argument("--key", metavar="FILE", type=Path, help="the key of --certificate, as PEM")
    parser.add_argument(
        "--allowed-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name beside the machine's own that browsers may use; may be given again",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
