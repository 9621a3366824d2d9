"""Gunicorn's thread worker, but a thread is given to nobody who has not said all he wants.

Gunicorn gives a thread to whoever connects, and waits in its main loop for whoever was answered to
hang up: forty clients that say a byte a second, or twenty that do not hang up, would stop the page
for a shop. So connections wait here, in that loop's poller, until a whole request is there, and
after its answer until the client is gone. Who takes too long is hung up on; where there are too
many, it is the one that waits the longest.
"""

import re
import select
import selectors
import socket
import ssl
import struct
import sys
import time
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

from webui.tls import OverTls, Tls

WHOLE_S: Final = 10.0
"""How long a client may take to say anything, and then to say all of it."""
LINGER_S: Final = 2.0
"""How long an answered client may take to hang up, and have its last bytes passed over."""
PLACES: Final = 256
WAIT_BYTES: Final = 64 * 1024
"""Larger requests get a thread with their head: only an owner's are read on (see `uploads`)."""

_IDLE_S: Final = 10
_GONE_MS: Final = 30_000
_SEND_BYTES: Final = 256 * 1024
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_DIGITS: Final = 18
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"


def size_of(heard: bytes | bytearray) -> int | None:
    """How many bytes the request that begins here has, or None while its head is not all here.

    A body in chunks says nothing of its size: it counts as endless.
    """
    # One empty line may come before a request (RFC 9112, 2.2).
    begin = 2 if heard.startswith(b"\r\n") else 0
    end = heard.find(_HEAD_END, begin)
    if end < 0:
        return None
    if _CHUNKED.search(heard, 0, end):
        return sys.maxsize
    length = _LENGTH.search(heard, 0, end)
    if length is None:
        return end + len(_HEAD_END)
    return end + len(_HEAD_END) + int(length[1]) if len(length[1]) <= _DIGITS else sys.maxsize


def limit(connection: socket.socket) -> None:
    """Have the kernel give up on a client that is silent or gone, whoever reads or writes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _IDLE_S, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_MS)
    # A whole page fits: no thread waits for a client that does not read.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)


class Caller(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection, and what was heard on it of its next request.

    Attributes:
        heard: Bytes that no thread has seen yet.
        until: When it is hung up on, on the monotonic clock.
        is_long: Whether its request was passed on before all of it was there.
        is_leaving: Whether it was answered, and only has to hang up.
    """

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.heard: Final = bytearray()
        self.parser: Any = None
        self.until = time.monotonic() + WHOLE_S
        self.is_long = False
        self.is_leaving = False
        self._is_greeted = False

    def listen(self) -> bool:
        """Take what is there without waiting; whether the client is still there.

        Raises:
            OSError: It is not, or speaks no TLS where it should.
        """
        try:
            if not (self._is_greeted or self.is_leaving) and isinstance(self.sock, ssl.SSLSocket):
                self.sock.do_handshake()
            self._is_greeted = True
            while len(self.heard) <= WAIT_BYTES:
                said = self.sock.recv(WAIT_BYTES)
                if not said:
                    return False
                self.heard.extend(said)
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        return True

    def hand_on(self) -> None:
        """Give what was heard to a thread's parser."""
        if self.parser is None:
            self.parser = http.get_parser(self.cfg, self.sock, self.client)
            self.initialized = self.data_ready = True
        self.parser.unreader.unread(bytes(self.heard))
        self.heard.clear()

    def take_back(self) -> None:
        """What came after the request that was answered is the next one's."""
        self.heard.extend(self.parser.unreader.take_buffered())


class Reception(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The worker; what it does not name `encrypt` or `keepalive` runs in the main loop."""

    tls: Tls | None = None  # set before the worker is made: gunicorn makes it by itself

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: Final[dict[Caller, None]] = {}

    def accept(self, listener: Any) -> None:
        """Somebody connects."""
        try:
            connection, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        limit(connection)
        caller = Caller(self.cfg, connection, address, listener.getsockname())
        self.nr_conns += 1
        if self.tls is None or caller.server[1] != self.tls.port:
            self._wait(caller)
            return
        # In a thread: a certificate may have to be made first.
        done = self.tpool.submit(self._encrypt, caller, self.tls)
        done.add_done_callback(partial(self.method_queue.defer, self._encrypted, caller))

    def finish_request(self, conn: Caller, fs: "Future[Any]") -> None:
        """A thread is through with a request."""
        if not fs.cancelled() and fs.exception() is None and fs.result():
            conn.take_back()
            conn.until = time.monotonic() + (WHOLE_S if conn.heard else self.cfg.keepalive)
            self._wait(conn)
        else:
            self._see_off(conn)

    def murder_pending(self) -> None:
        """Hang up on who took too long; and on who has not said a word when the page goes down."""
        now = time.monotonic()
        for caller in tuple(self._waiting):
            if caller.until < now or not (self.alive or caller.heard):
                self._drop(caller)

    def _keepalive_after(self, conn: Caller, keepalive: bool) -> bool:  # noqa: FBT001 - gunicorn's
        """What is left of a body is not waited for."""
        return not conn.is_long and bool(super()._keepalive_after(conn, keepalive))

    def _encrypt(self, caller: Caller, tls: Tls) -> None:
        """Put a new connection into TLS, without a word to the client yet."""
        context = tls.context(caller.sock.getsockname()[0])
        caller.cfg = OverTls(self.cfg)
        caller.sock = context.wrap_socket(
            caller.sock, server_side=True, do_handshake_on_connect=False
        )

    def _encrypted(self, caller: Caller, done: "Future[None]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is None:
            self._wait(caller)
        else:
            self.log.error("a connection cannot be served: %s", error)
            self._close(caller)

    def _wait(self, caller: Caller) -> None:
        if len(self._waiting) >= PLACES:
            self._drop(next(iter(self._waiting)))
        self._waiting[caller] = None
        caller.sock.settimeout(0)
        self.poller.register(caller.sock, selectors.EVENT_READ, partial(self._hear, caller))
        self._hear(caller)  # what TLS has read ahead no poller sees

    def _hear(self, caller: Caller, _: object = None) -> None:
        if caller not in self._waiting:  # dropped in the same turn of the loop
            return
        was_silent = not caller.heard
        try:
            is_there = caller.listen()
        except ssl.SSLError:  # who spoke no TLS is told so
            self._forget(caller)
            self._see_off(caller)
            return
        except OSError:
            is_there = False
        if caller.is_leaving:
            if not is_there or len(caller.heard) > WAIT_BYTES:
                self._drop(caller)
            return
        if was_silent and caller.heard:
            caller.until = time.monotonic() + WHOLE_S
        size = size_of(caller.heard)
        if size is not None and (size <= len(caller.heard) or size > WAIT_BYTES):
            self._pass_on(caller, is_long=size > len(caller.heard))
        elif not is_there:
            self._drop(caller)
        elif len(caller.heard) > WAIT_BYTES:
            self._refuse(caller)

    def _pass_on(self, caller: Caller, *, is_long: bool) -> None:
        self._forget(caller)
        if not _can_take_a_page(caller.sock):
            self._close(caller)
            return
        caller.is_long = is_long
        caller.hand_on()
        self.enqueue_req(caller)

    def _refuse(self, caller: Caller) -> None:
        self._forget(caller)
        try:
            caller.sock.send(_TOO_LARGE)
        except OSError:
            self._close(caller)
        else:
            self._see_off(caller)

    def _see_off(self, caller: Caller) -> None:
        """Closed with bytes of the client unread, the connection would lose the answer, too."""
        try:
            caller.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(caller)
            return
        if not self.alive:
            self._close(caller)
            return
        caller.heard.clear()
        caller.is_leaving = True
        caller.until = time.monotonic() + LINGER_S
        self._wait(caller)

    def _drop(self, caller: Caller) -> None:
        self._forget(caller)
        self._close(caller)

    def _forget(self, caller: Caller) -> None:
        if caller in self._waiting:
            del self._waiting[caller]
            self.poller.unregister(caller.sock)

    def _close(self, caller: Caller) -> None:
        self.nr_conns -= 1
        caller.close()


def _can_take_a_page(connection: socket.socket) -> bool:
    """Whether the client has read the answers before: a third of the room is free (tcp(7))."""
    look = select.poll()
    look.register(connection, select.POLLOUT)
    return bool(look.poll(0))
