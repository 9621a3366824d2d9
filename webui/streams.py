"""The doorbell: an event stream that tells an open page to fetch again what it shows.

A stream holds one of the server's threads for as long as its page is open, so there are only so
many; a page that gets none polls.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Self

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from webui.client import Changed, Gateway, Refused, Unreachable
from webui.options import options
from webui.person import token

MOST: Final = 24
PACE_S: Final = 0.02
"""From one page's `changed` to the next page's: all at once they would ask all at once."""
_KEY: Final = "achivx-doorbell"
# A browser whose stream broke asks again this soon; until then the page polls.
_OPENING: Final = b"retry: 3000\n\n"

blueprint = Blueprint("streams", __name__)


class Stream(Iterator[bytes]):
    """One page's event stream: `changed` at every ring of the gateway.

    A thread of its own waits for the gateway, so that `close` from anywhere ends the stream at
    once; that thread itself sees it at the next ring, at most five seconds later.
    """

    def __init__(self, bell: "Doorbell", gateway: Gateway, rings: Iterator[Changed]) -> None:
        self._bell = bell
        self._gateway = gateway
        self._rings = rings
        self._chunks: Final[SimpleQueue[bytes | None]] = SimpleQueue()
        self._chunks.put(_OPENING)  # headers leave with the first chunk, not before
        self._closed = threading.Event()
        threading.Thread(target=self._listen, name="doorbell", daemon=True).start()

    def _listen(self) -> None:
        with self._gateway:
            try:
                for ring in self._rings:
                    if self._closed.is_set():
                        return
                    self._bell.ring(self, ring.version)
            except (Refused, Unreachable):
                return
            finally:
                self._chunks.put(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        chunk = self._chunks.get()
        if chunk is None:
            raise StopIteration
        return chunk

    def tell(self, version: int) -> None:
        """Have the page fetch what it shows."""
        self._chunks.put(b"event: changed\ndata: %d\n\n" % version)

    def close(self) -> None:
        """End the stream; safe to call twice and from any thread or signal handler."""
        self._closed.set()
        self._chunks.put(None)
        self._bell.forget(self)


class Doorbell:
    """The open streams of this process, at most `MOST`.

    They are told one after another, `PACE_S` apart; what rings for a stream before its turn comes
    is told it once.
    """

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        self._free: Final = threading.BoundedSemaphore(MOST)
        self._due: dict[Stream, int] = {}
        self._is_due: Final = threading.Condition()
        self._teller: Final = threading.Thread(target=self._tell, name="pace", daemon=True)

    def ring(self, stream: Stream, version: int) -> None:
        """Have a stream told in its turn."""
        with self._is_due:
            self._due[stream] = version
            if self._teller.ident is None:
                self._teller.start()
            self._is_due.notify()

    def _tell(self) -> None:
        while True:
            with self._is_due:
                self._is_due.wait_for(lambda: self._due)
                stream = next(iter(self._due))
                version = self._due.pop(stream)
            stream.tell(version)
            time.sleep(PACE_S)

    def open(self, path: Path, session: str | None) -> Stream | None:
        """A stream for the page of this session, or None when there are enough.

        Raises:
            Refused: The gateway does not know the session.
            Unreachable: Nobody answers.
        """
        if not self._free.acquire(blocking=False):
            return None
        try:
            stream = self._subscribe(path, session)
        except BaseException:
            self._free.release()
            raise
        self._open.add(stream)
        return stream

    def _subscribe(self, path: Path, session: str | None) -> Stream:
        gateway = Gateway(path, session)
        rings = gateway.changes()
        try:
            next(rings)  # the answer to the subscription: a page fetches by itself when it opens
        except BaseException:
            gateway.close()
            raise
        return Stream(self, gateway, rings)

    def forget(self, stream: Stream) -> None:
        """Free a closed stream's place."""
        try:
            self._open.remove(stream)  # one atomic step: only one of two closers gets here
        except KeyError:
            return
        self._free.release()

    def close(self) -> None:
        """End every stream: the server is going down."""
        for stream in tuple(self._open):
            stream.close()


def hang(extensions: dict[str, object]) -> None:
    """Give an application its doorbell."""
    extensions[_KEY] = Doorbell()


def doorbell(extensions: dict[str, object]) -> Doorbell:
    """The doorbell of an application."""
    found = extensions[_KEY]
    assert isinstance(found, Doorbell)  # noqa: S101 - only `hang` writes there
    return found


@blueprint.get("/events")
def events() -> ResponseReturnValue:
    """The stream of the signed-in person's page."""
    try:
        stream = doorbell(current_app.extensions).open(options().control, token())
    except Refused:
        return "", 401
    if stream is None:
        return "", 204  # "do not ask again": the page polls
    return Response(stream, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
