"""A socket to the broker, made on the event loop: it can be given up at any moment.

paho's own way connects and shakes hands in a thread that nobody can stop, for as long as the
network likes.
"""

import asyncio
import contextlib
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from gateway.errors import CannotStart, GatewayError
from gateway.tcp import notice_loss

AGAIN_S: Final = 0.8
"""How often another attempt joins those that have had no answer yet.

The kernel asks again after 1, 2 and 4 seconds; a broker that is back is to be noticed sooner.
"""

_LOOKUPS: Final = ThreadPoolExecutor(1, "broker-lookup")
"""Names are looked up in one thread of their own: a dead name server must not use up the loop's."""

_Address = tuple[int, int, int, str, Any]


class LinkDown(GatewayError):
    """There is no way to the broker just now: soon again."""


class Silence(LinkDown):
    """Somebody took the connection, and then said nothing for as long as was waited."""


async def open_socket(
    host: str, port: int, tls: ssl.SSLContext | None, timeout_s: float, shake_s: float
) -> socket.socket:
    """A connected socket that does not block, with TLS if a context is given.

    Args:
        host: A name or an address.
        port: Its port.
        tls: Whom to trust, None for plaintext.
        timeout_s: How long connecting may take.
        shake_s: How long shaking hands may take.

    Raises:
        LinkDown: It could not be had; `Silence` where only the other end's word is missing.
        CannotStart: One of the two does not trust the other: soon again is of no use.
    """
    where = f"{host} port {port}"
    try:
        async with asyncio.timeout(timeout_s):
            plain = await _first_of_several(await _look_up(host, port))
    except TimeoutError:
        raise LinkDown(f"{where} does not answer") from None
    except OSError as error:
        raise LinkDown(f"{where} cannot be reached: {_words(error)}") from error
    if tls is None:
        return plain
    try:
        async with asyncio.timeout(shake_s):
            return await _secured(plain, tls, host)
    except TimeoutError:
        raise Silence(f"{where} does not shake hands") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError) as error:
        raise LinkDown(f"{where} hung up while shaking hands") from error
    except ssl.SSLError as error:
        raise CannotStart(f"uplink: no TLS with {where}: {error}") from error
    except OSError as error:
        raise LinkDown(f"{where} hung up while shaking hands: {_words(error)}") from error


def _words(error: OSError) -> str:
    """The system's words: asyncio's own say only that it failed. A resolver's have no errno."""
    number = error.errno or 0
    return os.strerror(number) if number > 0 else error.strerror or str(error)


async def _look_up(host: str, port: int) -> list[_Address]:
    def ask() -> list[_Address]:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    return await asyncio.get_running_loop().run_in_executor(_LOOKUPS, ask)


async def _first_of_several(addresses: list[_Address]) -> socket.socket:
    """Whichever attempt succeeds first; the first that fails ends them all."""
    attempts: set[asyncio.Task[socket.socket]] = set()
    try:
        while True:
            attempts.add(asyncio.create_task(_connect(addresses)))
            done, _ = await asyncio.wait(
                attempts, timeout=AGAIN_S, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                first = done.pop()
                attempts.discard(first)
                return first.result()
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close_late)


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connect(addresses: list[_Address]) -> socket.socket:
    """The addresses one after another.

    Raises:
        OSError: None of them; the last one's error.
    """
    loop = asyncio.get_running_loop()
    problem = OSError("it has no address")
    for family, kind, protocol, _, address in addresses:
        with contextlib.ExitStack() as opening:
            made = opening.enter_context(socket.socket(family, kind, protocol))
            made.settimeout(0)
            notice_loss(made)
            try:
                await loop.sock_connect(made, address)
            except OSError as error:
                problem = error
                continue
            opening.pop_all()
            return made
    raise problem


async def _secured(plain: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    with contextlib.ExitStack() as opening:
        opening.enter_context(plain)
        secured = opening.enter_context(
            tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        )
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                await _until(secured, writable=False)
            except ssl.SSLWantWriteError:
                await _until(secured, writable=True)
            else:
                opening.pop_all()
                return secured


async def _until(waiting: socket.socket, *, writable: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    number = waiting.fileno()
    (loop.add_writer if writable else loop.add_reader)(number, ready.set)
    try:
        await ready.wait()
    finally:
        (loop.remove_writer if writable else loop.remove_reader)(number)
