"""Files between the box and whoever is at the page or a command: in pieces, either way."""

from typing import Final

DIRECTORY: Final = "transfer"
"""Where in the state directory they are on their way."""
