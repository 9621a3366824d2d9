"""A bare Flask route under the page's own server: what no page of it can do without.

python -m bench.bare_page
"""

import secrets
from pathlib import Path

from flask import Flask

from webui import streams
from webui.cli import listen
from webui.options import Options
from webui.server import Server

TEXT = "x" * 4000
"""About as much as a board's fragment with some alerts on it."""


class BareServer(Server):
    """The page's gunicorn with its settings; the application has one route and nothing else."""

    def load(self) -> Flask:
        """See `Server`."""
        app = Flask("bare")
        streams.hang(app.extensions)  # which the server's worker closes at its end
        app.add_url_rule("/", "root", lambda: TEXT)
        return app


def main() -> None:
    """Serve until SIGTERM; the first line on stdout tells where."""
    listener = listen("127.0.0.1:0")
    host, port = listener.getsockname()[:2]
    options = Options(control=Path("none"), secret_key=secrets.token_hex())
    BareServer(listener.fileno(), f"http://{host}:{port}", options).run()


if __name__ == "__main__":
    main()
