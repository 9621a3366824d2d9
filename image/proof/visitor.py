"""A browser without a screen: it follows links, keeps cookies, and sends forms as they are."""

import http.cookiejar
import re
import secrets
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final

from image.proof.report import ANSWER_S, Failed

UPLOAD_S: Final = 600.0
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
        data = urllib.parse.urlencode({**fields, "csrf_token": self._token(form_at)}).encode()
        return self._post(form_at, path, data, "application/x-www-form-urlencoded", ANSWER_S)

    def upload(self, form_at: str, path: str, file: Path) -> str:
        """Send a form with a file in its field `file`, as `send` does."""
        token, mark = self._token(form_at), secrets.token_hex(16)
        head = f'--{mark}\r\nContent-Disposition: form-data; name="'
        body = f'{head}csrf_token"\r\n\r\n{token}\r\n'
        body += f'{head}file"; filename="{file.name}"\r\n'
        body += "Content-Type: application/octet-stream\r\n\r\n"
        data = body.encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        return self._post(form_at, path, data, f"multipart/form-data; boundary={mark}", UPLOAD_S)

    def _token(self, form_at: str) -> str:
        token = _TOKEN.search(self.see(form_at))
        if token is None:
            raise Failed(f"{form_at} has no form to send")
        return token[1]

    def _post(self, form_at: str, path: str, data: bytes, kind: str, timeout_s: float) -> str:
        headers = {"Origin": self._base, "Referer": self._base + form_at, "Content-Type": kind}
        asked = urllib.request.Request(self._base + path, data, headers)  # noqa: S310 - as above
        return self._open(asked, timeout_s).decode()

    def _open(self, request: urllib.request.Request, timeout_s: float = ANSWER_S) -> bytes:
        try:
            with self._opener.open(request, timeout=timeout_s) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", error.read().decode("utf-8")))
            raise Failed(f"{request.full_url}: {error.code}: {words[-300:]}") from error
