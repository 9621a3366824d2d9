"""A code as a picture that scanners read: inline SVG, black on white in every colour scheme."""

from functools import lru_cache

import segno
from markupsafe import Markup


@lru_cache(maxsize=64)
def qr_svg(text: str) -> Markup:
    """The QR symbol of a text, with the quiet zone that ISO/IEC 18004 asks for."""
    symbol = segno.make(text, error="m", micro=False)
    return Markup(symbol.svg_inline(border=4, omitsize=True, dark="#000", light="#fff"))  # noqa: S704 - paths only, no text
