"""Boots a box in an emulator and tests it from outside: image/test IMAGE.img[.xz] [--long].

A computer on the other side of it all: it writes the two files onto the card as a shop's IT would,
goes through the first run over HTTP, plays transmitter and ACHIVX server, moves a line of the
emulated header, pulls the plug while buttons are pressed, and looks at what is left. --guest does
the part about presses and the plug with a small machine of this computer's own processor, which it
makes; --suite runs the project's own tests on the image's Debian and Python. Both need root.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from image.proof import appliance, quick
from image.proof.report import Failed

SUITE: Final = Path(__file__).resolve().parents[1] / "suite"
NEEDED: Final = {
    "ssh": "openssh-client",
    "openssl": "openssl",
    "debugfs": "e2fsprogs",
}
FOR_IMAGE: Final = NEEDED | {
    "qemu-system-aarch64": "qemu-system-arm",
    "mcopy": "mtools",
    "xz": "xz-utils",
    "dtc": "device-tree-compiler",
    "partx": "util-linux",
}
FOR_GUEST: Final = NEEDED | {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sfdisk": "fdisk",
    "swig": "swig",
}
SHORT, LONG = 1, 3
"""How often the plug is pulled."""


def parser() -> argparse.ArgumentParser:
    """What may be said."""
    words = argparse.ArgumentParser(prog="image/test", description="Boot a box and test it.")
    what = words.add_mutually_exclusive_group(required=True)
    what.add_argument("image", type=Path, nargs="?", help="the card image, packed or not")
    what.add_argument("--guest", action="store_true", help="the quick guest instead")
    what.add_argument(
        "--suite",
        nargs=argparse.REMAINDER,
        metavar="WORD",
        help="the project's tests",
    )
    form = words.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="the plug is pulled once (the default)")
    form.add_argument("--long", action="store_true", help="three times, and updates are tried")
    form.add_argument("--pulls", type=int, metavar="N", help="pull it so often")
    return words


def missing(programs: dict[str, str]) -> list[str]:
    """The packages that have to be installed first."""
    places = (None, "/usr/sbin:/sbin")
    lacking = (name for name in programs if not any(shutil.which(name, path=p) for p in places))
    return sorted({programs[name] for name in lacking})


def main() -> int:
    """Prove one box."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else an emulator is left behind
    options = parser().parse_args()
    if options.suite is not None:
        return subprocess.run([SUITE, *options.suite], check=False).returncode
    if options.image is not None and not options.image.is_file():
        print(f"There is no image {options.image}: image/build makes one.", file=sys.stderr)
        return 1
    packages = missing(FOR_GUEST if options.guest else FOR_IMAGE)
    if packages:
        print("To boot a box, first:", file=sys.stderr)
        print(f"  sudo apt-get install {' '.join(packages)}", file=sys.stderr)
        return 1
    name = "the guest" if options.guest else options.image.name
    with tempfile.TemporaryDirectory(prefix="achivx-boot-") as work:
        try:
            pulls = options.pulls or (LONG if options.long else SHORT)
            if options.guest:
                quick.prove(Path(work), pulls=pulls, with_updates=options.long)
            else:
                appliance.prove(options.image, Path(work), pulls=pulls, with_updates=options.long)
        except Failed as error:
            print(f"{name} is not good: {error}", file=sys.stderr)
            return 1
    print(f"{name}: all good.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
