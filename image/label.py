"""Makes one box's label, and the file that tells the box the same: image/label NAME.

Three files: NAME.txt to read and NAME.svg to scan (the QR code opens the page with the claim code
filled in), and NAME-box.toml. That one is copied to the card's first partition as
achivx-box.toml, beside whatever else it says, before the card's first boot.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Final

import segno

from gateway.grants import crockford
from gateway.host.keyfiles import ADDRESS
from gateway.host.network import PASSWORD_SYMBOLS
from gateway.setup import claim

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
PORT: Final = 8080


def url(name: str, code: str) -> str:
    """Where the QR code leads: the page of the box on the shop's network, ready to claim."""
    return f"http://{name}.local:{PORT}/setup?code={code}"


def label_text(name: str, code: str, password: str) -> str:
    """The label for people."""
    return (
        f"ACHIVX Store Gateway  {name}\n"
        f"Set-up code           {code[:4]}-{code[4:]}\n"
        f"Page                  http://{name}.local:{PORT}\n"
        f"Wi-Fi for set-up      ACHIVX-{name}\n"
        f"  its password        {password}\n"
        f"  the page there      http://{ADDRESS}:{PORT}/setup\n"
    )


def write(place: Path, name: str, code: str, password: str) -> list[Path]:
    """All three files; the ones of an earlier label are not written over.

    Raises:
        FileExistsError: There is a label of that name.
    """
    box = f'name = "{name}"\nclaim_code = "{code[:4]}-{code[4:]}"\n'
    box += f'setup_password = "{password}"\n'
    text, toml, svg = (place / f"{name}{end}" for end in (".txt", "-box.toml", ".svg"))
    for path, words in ((text, label_text(name, code, password)), (toml, box)):
        # Whoever has the code becomes the box's owner.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(words)
    # M: a label is scratched; 4 modules of margin are the standard's (ISO/IEC 18004).
    segno.make_qr(url(name, code), error="m").save(str(svg), kind="svg", scale=4, border=4)
    svg.chmod(0o600)
    return [text, toml, svg]


def main(arguments: list[str] | None = None) -> int:
    """Make one label."""
    parser = argparse.ArgumentParser(prog="image/label", description="Make one box's label.")
    parser.add_argument("name", metavar="NAME", help="a-z, 0-9 and -; the page is at NAME.local")
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="default: here")
    options = parser.parse_args(arguments)
    if not _NAME.fullmatch(options.name):
        parser.error(f"{options.name} is no name for a box: 1 to 63 of a-z, 0-9 and -")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        code, password = crockford.random(claim.SYMBOLS), crockford.random(PASSWORD_SYMBOLS)
        paths = write(options.out, options.name, code, password)
    except FileExistsError as error:
        print(f"There is a label already: {error.filename}.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The label could not be written: {error}.", file=sys.stderr)
        return 1
    print("\n".join(map(str, paths)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
