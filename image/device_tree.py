#!/usr/bin/env python3
"""Puts our overlays beside the firmware and looks at each board with them: image/build calls it.

The look is at the image's own device trees with the overlays that its config.txt names: whether
the serial line is free and a full one, whether the board's LED beats while it starts, and whether
the initramfs has a driver for everything that the way to the card goes through. No image is made
of a tree that fails it. The format is that of the Devicetree Specification 0.4, chapter 5.
"""

import argparse
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).resolve().parent / "device-tree"
HEADER_PINS: Final = frozenset({"gpio14", "gpio15"})

_BEGIN, _END, _PROPERTY, _NOTHING, _LAST = 1, 2, 3, 4, 9
_CELLS: Final = {
    "clocks": "#clock-cells",
    "dmas": "#dma-cells",
    "resets": "#reset-cells",
    "power-domains": "#power-domain-cells",
    "phys": "#phy-cells",
}
"""Properties that name suppliers, and the supplier's property that says how many cells follow."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board that the image is for.

    Attributes:
        file: Its device tree, by the name that the firmware looks for.
        model: The filter of config.txt that is for it.
        line: The alias of the serial line for a transmitter; its number is that of /dev/ttyAMA.
        pins: Where that line is on the header; none: it has a connector of its own.
    """

    file: str
    model: str
    line: str = "serial0"
    pins: frozenset[str] = HEADER_PINS


BOARDS: Final = (
    Board(file="bcm2837-rpi-3-a-plus.dtb", model="pi3"),
    Board(file="bcm2837-rpi-3-b.dtb", model="pi3"),
    Board(file="bcm2837-rpi-3-b-plus.dtb", model="pi3"),
    Board(file="bcm2837-rpi-zero-2-w.dtb", model="pi02"),
    Board(file="bcm2711-rpi-4-b.dtb", model="pi4"),
    Board(file="bcm2712-rpi-5-b.dtb", model="pi5", line="serial10", pins=frozenset()),
    Board(file="bcm2712-d-rpi-5-b.dtb", model="pi5", line="serial10", pins=frozenset()),
)


class Tree:
    """A flattened device tree, read-only.

    Attributes:
        nodes: The properties of each node by its path; the root is "".
    """

    def __init__(self, blob: bytes) -> None:
        self.nodes = dict(_nodes(blob))
        self._places = {
            properties["phandle"]: path
            for path, properties in self.nodes.items()
            if "phandle" in properties
        }

    def words(self, path: str, name: str) -> list[str]:
        """A property that is a list of texts; none where it is missing."""
        value = self.nodes.get(path, {}).get(name, b"")
        return value.decode("ascii").rstrip("\0").split("\0") if value else []

    def cells(self, path: str, name: str) -> list[int]:
        """A property that is a list of numbers; none where it is missing."""
        value = self.nodes.get(path, {}).get(name, b"")
        return [number for (number,) in struct.iter_unpack(">I", value)]

    def place(self, phandle: int) -> str:
        """The node that a number stands for.

        Raises:
            KeyError: There is none.
        """
        return self._places[struct.pack(">I", phandle)]

    def children(self, path: str) -> list[str]:
        """The paths of the nodes right below one."""
        return [each for each in self.nodes if each and each.rpartition("/")[0] == path]

    def is_on(self, path: str) -> bool:
        """Whether a node is there and not switched off."""
        return path in self.nodes and self.words(path, "status") in ([], ["ok"], ["okay"])


def _nodes(blob: bytes) -> Iterator[tuple[str, dict[str, bytes]]]:
    at, strings = struct.unpack_from(">II", blob, 8)
    path: list[str] = []
    properties: dict[str, bytes] = {}
    while (token := struct.unpack_from(">I", blob, at)[0]) != _LAST:
        at += 4
        if token == _BEGIN:
            name = _text(blob, at)
            path.append(name)
            properties = {}
            yield "/".join(path), properties
            at += len(name) // 4 * 4 + 4
        elif token == _PROPERTY:
            size, offset = struct.unpack_from(">II", blob, at)
            properties[_text(blob, strings + offset)] = blob[at + 8 : at + 8 + size]
            at += 8 + (size + 3) // 4 * 4
        elif token == _END:
            path.pop()
        elif token != _NOTHING:
            raise ValueError(f"no device tree: token {token} at {at - 4}")


def _text(blob: bytes, at: int) -> str:
    return blob[at : blob.index(b"\0", at)].decode("ascii")


# --- what is looked at ----------------------------------------------------------------------------


def line_faults(tree: Tree, alias: str, pins: frozenset[str]) -> Iterator[str]:
    """What keeps a board's serial line from a transmitter. Pure."""
    line = next(iter(tree.words("/aliases", alias)), None)
    if line is None or not tree.is_on(line):
        yield f"{alias} is no serial line that is on"
        return
    if "arm,pl011" not in tree.words(line, "compatible"):
        yield f"{alias} is no PL011: it has no parity bit"
    # The kernel makes no tty of a line that has a device of its own.
    yield from (f"{child} has taken {alias}" for child in tree.children(line) if tree.is_on(child))
    if pins and _pins(tree, line) != pins:
        yield f"{alias} is not on {' and '.join(sorted(pins))}"
    for path in _serial_lines(tree):
        if path != line and tree.is_on(path) and _pins(tree, path) & pins:
            yield f"{path} is on the same pins as {alias}"


def _serial_lines(tree: Tree) -> list[str]:
    return [path for path in tree.nodes if path.rpartition("/")[2].startswith("serial@")]


def _pins(tree: Tree, path: str) -> set[str]:
    """The pins of a device, in both ways of writing them."""
    found: set[str] = set()
    for state in map(tree.place, tree.cells(path, "pinctrl-0")):
        for part in (state, *tree.children(state)):
            found |= {*tree.words(part, "pins")}
            found |= {f"gpio{number}" for number in tree.cells(part, "brcm,pins")}
    return found


def led_faults(tree: Tree) -> Iterator[str]:
    """What keeps a board's own LED from beating while it starts. Pure."""
    leds = [led for path in _led_boxes(tree) for led in tree.children(path) if tree.is_on(led)]
    if not any(tree.words(led, "linux,default-trigger") == ["heartbeat"] for led in leds):
        yield "no LED beats"


def _led_boxes(tree: Tree) -> list[str]:
    return [path for path in tree.nodes if tree.words(path, "compatible") == ["gpio-leds"]]


def suppliers(tree: Tree, path: str) -> Iterator[str]:
    """The nodes that a device, or a part of it, waits for. Pure.

    Raises:
        KeyError: A property names a node that there is not.
    """
    for name in tree.nodes[path]:
        if name.endswith("-supply") or name == "mmc-pwrseq":
            yield from map(tree.place, tree.cells(path, name))
        elif re.fullmatch(r"pinctrl-\d+", name):
            yield from (_device_of(tree, tree.place(each)) for each in tree.cells(path, name))
        elif name in _CELLS or re.fullmatch(r"(.+-)?gpios?", name):
            yield from _listed(tree, tree.cells(path, name), _CELLS.get(name, "#gpio-cells"))
    for child in tree.children(path):
        if "compatible" not in tree.nodes[child]:
            yield from suppliers(tree, child)


def _device_of(tree: Tree, path: str) -> str:
    while "compatible" not in tree.nodes[path]:
        path = path.rpartition("/")[0]
    return path


def _listed(tree: Tree, cells: list[int], count: str) -> Iterator[str]:
    at = 0
    while at < len(cells):
        supplier = tree.place(cells[at])
        yield supplier
        at += 1 + tree.cells(supplier, count)[0]


def needed_from_start(tree: Tree) -> set[str]:
    """All nodes that must work before the card can be read, and for the LED. Pure."""
    cards = [
        path
        for path, properties in tree.nodes.items()
        if path.rpartition("/")[2].startswith("mmc@")
        and tree.is_on(path)
        and "non-removable" not in properties
    ]
    found: set[str] = set()
    ahead = [*cards, *_led_boxes(tree)]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead += suppliers(tree, path)
    return found


def driver_faults(tree: Tree, drivers: dict[str, str], modules: set[str]) -> Iterator[str]:
    """Devices that the initramfs has no driver for. Pure.

    Args:
        tree: The board's.
        drivers: Module by compatible; a driver inside the kernel is not among them.
        modules: Those of the initramfs.
    """
    for path in sorted(needed_from_start(tree)):
        names = {drivers[each] for each in tree.words(path, "compatible") if each in drivers}
        if names and not names & modules:
            yield f"the initramfs has no {' or '.join(sorted(names))} for {path}"


def overlays_for(config: str, model: str) -> list[str]:
    """The overlays that config.txt names for a model, in its order. Pure."""
    found: list[str] = []
    applies = True
    for line in config.splitlines():
        if section := re.fullmatch(r"\[(.+)\]", line):
            applies = section[1] in ("all", model)
        elif applies and (overlay := re.fullmatch(r"dtoverlay=([\w-]+)", line)):
            found.append(overlay[1])
    return found


# --- the image's own ------------------------------------------------------------------------------


def read_drivers(aliases: str) -> dict[str, str]:
    """The modules of modules.alias by what devices are compatible with. Pure."""
    return dict(re.findall(r"^alias of:N\*T\*C(\S+[^\s*]) (\S+)$", aliases, re.MULTILINE))


def read_modules(listed: str) -> set[str]:
    """The modules of initramfs-tools' list, by the names that the kernel gives them. Pure."""
    lines = (line.partition("#")[0].strip() for line in listed.splitlines())
    return {line.replace("-", "_") for line in lines if line}


def compile_overlays(into: Path) -> None:
    """All overlays of ours, for the firmware.

    Raises:
        subprocess.CalledProcessError: One does not compile; the compiler's words are on stderr.
    """
    for source in sorted(SOURCES.glob("*.dts")):
        overlay = into / f"{source.stem}.dtbo"
        subprocess.run(["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", overlay, source], check=True)


def laid_over(firmware: Path, file: str, overlays: Iterable[str]) -> Tree:
    """A board's tree with overlays, as the firmware hands it to the kernel.

    Raises:
        subprocess.CalledProcessError: One does not fit; the program's words are on stderr.
    """
    paths = [str(firmware / "overlays" / f"{name}.dtbo") for name in overlays]
    bare = firmware / file
    if not paths:  # fdtoverlay wants one at least
        return Tree(bare.read_bytes())
    with tempfile.NamedTemporaryFile() as out:
        command = ["fdtoverlay", "-i", str(bare), "-o", out.name, *paths]
        subprocess.run(command, check=True)
        return Tree(Path(out.name).read_bytes())


def find_faults(system: Path) -> Iterator[str]:
    """What is wrong with a system's boards, each with the name of its device tree.

    Raises:
        subprocess.CalledProcessError: An overlay does not fit a board.
        OSError: The system lacks a file that is looked into.
    """
    firmware = system / "boot/firmware"
    config = (firmware / "config.txt").read_text()
    (aliases,) = system.glob("usr/lib/modules/*/modules.alias")
    drivers = read_drivers(aliases.read_text())
    modules = read_modules((system / "etc/initramfs-tools/modules").read_text())
    for board in BOARDS:
        tree = laid_over(firmware, board.file, overlays_for(config, board.model))
        found = [*line_faults(tree, board.line, board.pins), *led_faults(tree)]
        found += driver_faults(tree, drivers, modules)
        yield from (f"{board.file}: {fault}" for fault in found)


def main(words: list[str] | None = None) -> int:
    """Make the overlays and look at every board."""
    parser = argparse.ArgumentParser(description="Make a system's device tree overlays.")
    parser.add_argument("system", type=Path)
    system: Path = parser.parse_args(words).system
    try:
        compile_overlays(system / "boot/firmware/overlays")
        faults = list(find_faults(system))
    except subprocess.CalledProcessError as error:
        print(" ".join(map(str, error.cmd)), "failed; its words are above.", file=sys.stderr)
        return 1
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
