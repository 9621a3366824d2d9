"""Gunicorn as a library: one worker of threads, ended within two seconds with streams open."""

import gc
import signal
from types import FrameType
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication

from webui.app import create_app
from webui.closing import closing
from webui.options import Options
from webui.reception import Reception
from webui.streams import doorbell
from webui.tls import Tls

THREADS: Final = 40
CONNECTIONS: Final = 512
"""At once, with what waits for a thread: well below the files that a process may have open."""
GRACE_S: Final = 2


class Worker(Reception):
    """Ends streams and sends held closes before it waits for its threads."""

    wsgi: Flask | None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM."""
        self._end_what_waits()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT and SIGQUIT. Those of a terminal reach the arbiter too; once is enough."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, signal.SIG_IGN)
        self._end_what_waits()
        super().handle_quit(sig, frame)

    def _end_what_waits(self) -> None:
        if self.wsgi is not None:
            doorbell(self.wsgi.extensions).close()
            closing(self.wsgi.extensions).flush()


def _keep_shared(_arbiter: Any, _worker: Any) -> None:
    """What the worker inherits stays one memory with the arbiter's: no collector writes to it."""
    gc.freeze()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """The page on a socket that is already bound.

    Args:
        descriptor: The listening socket's.
        address: What people type to get here.
        options: What the page is started with.
        tls: The port with TLS, if there is one.
    """

    def __init__(
        self, descriptor: int, address: str, options: Options, tls: Tls | None = None
    ) -> None:
        Worker.tls = tls
        self._descriptor = descriptor
        self._address = address
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """The settings, all of them ours: no file and no environment variable is read."""
        settings: dict[str, object] = {
            "bind": self._sockets(),
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # nobody stands before it whose word on a request counts
            "graceful_timeout": GRACE_S,
            "keepalive": 1,  # also how long an idle connection may hold up the end
            "limit_request_line": 2048,
            "loglevel": "warning",
            "pre_fork": _keep_shared,
            "sendfile": False,  # which goes past TLS
            "threads": THREADS,
            "when_ready": self._announce,
            "worker_class": Worker,
            "worker_connections": CONNECTIONS,
            # Its time is set every second, which on a card is a write in every half minute.
            "worker_tmp_dir": "/dev/shm",  # noqa: S108 - mkstemp's name, and unlinked at once
            "workers": 1,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _sockets(self) -> list[str]:
        more = [] if Worker.tls is None else [Worker.tls.descriptor]
        return [f"fd://{each}" for each in (self._descriptor, *more)]

    def load(self) -> Flask:
        """The application, made in the worker."""
        return create_app(self._options)

    def _announce(self, _arbiter: Any) -> None:
        secure = "" if Worker.tls is None else f", with TLS at port {Worker.tls.port}"
        print(f"achivx-webui: the page is at {self._address}{secure}", flush=True)
