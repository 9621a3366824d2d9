"""A browser without a screen: it follows links, keeps cookies, and sends forms as they are."""

import http.cookiejar
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Final

from image.proof.report import ANSWER_S, Failed

_TOKEN: Final = re.compile(r'name="csrf_token" value="([^"]+)"')


class Visitor:
    """Somebody in front of the page.

    Args:
        base: Where the page is, e.g. `https://127.0.0.1:8443`.
        trusted: The authority whose certificates are good, DER; None: there is no TLS.
    """

    def __init__(self, base: str, trusted: bytes | None = None) -> None:
        self._base: Final = base
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        ]
        if trusted is not None:
            context = ssl.create_default_context(cadata=trusted)
            # This computer's forwarded port is no name of the box; its authority is what counts.
            context.check_hostname = False
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener: Final = urllib.request.build_opener(*handlers)

    def see(self, path: str) -> str:
        """A page, wherever it leads to.

        Raises:
            Failed: It is not there.
        """
        return self.fetch(path).decode()

    def fetch(self, path: str) -> bytes:
        """What is at a path.

        Raises:
            Failed: It is not there.
        """
        return self._open(urllib.request.Request(self._base + path))  # noqa: S310 - our own box

    def send(self, form_at: str, path: str, **fields: str) -> str:
        """Send a form of one page to a path; what is shown afterwards.

        Raises:
            Failed: The page has no form, or the answer is an error.
        """
        token = _TOKEN.search(self.see(form_at))
        if token is None:
            raise Failed(f"{form_at} has no form to send")
        data = urllib.parse.urlencode({**fields, "csrf_token": token[1]}).encode()
        headers = {"Origin": self._base, "Referer": self._base + form_at}
        asked = urllib.request.Request(self._base + path, data, headers)  # noqa: S310 - as above
        return self._open(asked).decode()

    def _open(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=ANSWER_S) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", error.read().decode("utf-8")))
            raise Failed(f"{request.full_url}: {error.code}: {words[-300:]}") from error
