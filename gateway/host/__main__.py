"""One request of the gateway, on the connection that systemd hands over as standard input.

`achivx-host@.service` runs this once for every connection of `achivx-host.socket`.
"""

import argparse
import logging
import pwd
import socket
import struct
import sys
import time
from pathlib import Path
from typing import IO, Final

import msgspec

from gateway import logs
from gateway.errors import Refused
from gateway.host import verbs
from gateway.host.trial import run
from gateway.host.verbs import AnyVerb, Reply
from gateway.host.work import Host, Places

USER: Final = "achivx-gateway"
REQUEST_S: Final = 5.0
"""How long a whole request may take to arrive."""

_UCRED: Final = struct.Struct("3i")  # pid, uid, gid: unix(7)
_log: Final = logging.getLogger("gateway.host")


def serve(connection: socket.socket, host: Host, uid: int) -> None:
    """Read one request, do it, and say what came of it; all of it goes to the log.

    Args:
        connection: From whoever asks.
        host: Does it.
        uid: The only user who may ask.
    """
    peer, asking, _ = _UCRED.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    )
    try:
        _let_in(asking, uid)
        verb = _decoded(_line(connection))
        name = type(verb).__struct_config__.tag
        _log.info("%s, asked for by process %d", name, peer)
        verbs.check(verb, built_s=host.built_s)
        if isinstance(verb, verbs.OpenBackup):
            with host.opened(verb) as file:
                _say(connection, Reply(), file)
            return
        reply = host.do(verb)
    except Refused as refusal:
        _log.warning("refused to user %d, process %d: %s", asking, peer, refusal)
        reply = Reply(code=refusal.code, words=str(refusal))
    except OSError as error:
        _log.error("failed for process %d: %s", peer, error)
        reply = Reply(code="host_failed", words=f"the box could not do it: {error.strerror}")
    _say(connection, reply)


def _say(connection: socket.socket, reply: Reply, file: IO[bytes] | None = None) -> None:
    line = msgspec.json.encode(reply) + b"\n"
    try:
        if file is None:
            connection.sendall(line)
        else:  # with the file itself: whoever gets it sees nothing else of the stick
            socket.send_fds(connection, [line], [file.fileno()])
    except OSError as error:  # it was started anew meanwhile: what was asked for is done
        _log.info("nobody hears the answer: %s", error)


def _let_in(asking: int, uid: int) -> None:
    if asking != uid:
        raise Refused("forbidden", "only the gateway's own user may ask the host")


def _line(connection: socket.socket) -> bytes:
    """The request, whole within its time.

    Raises:
        Refused: `bad_request`: it is too long, too slow, or cut short.
    """
    deadline, line = time.monotonic() + REQUEST_S, b""
    while not line.endswith(b"\n"):
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            part = connection.recv(verbs.REQUEST_BYTES + 1 - len(line))
        except TimeoutError as error:
            raise Refused("bad_request", f"no whole request within {REQUEST_S:.0f} s") from error
        line += part
        if not part or len(line) > verbs.REQUEST_BYTES:
            raise Refused("bad_request", f"a request is a line of {verbs.REQUEST_BYTES} bytes")
    connection.settimeout(REQUEST_S)
    return line


def _decoded(line: bytes) -> AnyVerb:
    try:
        verb: AnyVerb = msgspec.json.decode(line, type=AnyVerb)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        # Not its words: they may repeat a password.
        raise Refused("bad_request", "this is none of the host's verbs") from error
    return verb


def main(arguments: list[str] | None = None) -> int:
    """Serve the connection that is standard input."""
    parser = argparse.ArgumentParser(prog="gateway.host", description="One request of the gateway.")
    parser.add_argument("--user", default=USER, help="who may ask (default %(default)s)")
    parser.add_argument("--root", type=Path, default=Path("/"), help="another tree, in tests")
    options = parser.parse_args(arguments)
    logs.set_up()
    try:
        uid = pwd.getpwnam(options.user).pw_uid
    except KeyError:
        _log.error("there is no user %s: nobody may ask", options.user)
        return 1
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        serve(connection, Host(Places(options.root), run), uid)
    return 0


if __name__ == "__main__":
    sys.exit(main())
