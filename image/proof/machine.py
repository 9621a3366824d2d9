"""An emulated board with a card in it, until it is unplugged."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from gateway.client import Client
from gateway.request import Request
from gateway.simulator.tap_terminal import TapTerminal
from image.proof.card import Card
from image.proof.report import ANSWER_S, Failed, run, until

T = TypeVar("T")

HERE: Final = Path(__file__).resolve().parent
BOOT_S: Final = 1200.0
COPY_S: Final = 600.0
# One line to the control socket, and one back.
_RELAY: Final = """python3 -ISc 'if True:
    import socket, sys
    gateway = socket.socket(socket.AF_UNIX)
    gateway.connect("/run/achivx-gateway/control.sock")
    gateway.sendall(sys.stdin.buffer.readline())
    sys.stdout.buffer.write(gateway.makefile("rb").readline())
' 2>/dev/null"""
SHIFT: Final = 30_000
"""Ports below 1024 are this much higher here, where nobody need be root."""
_MEMORY: Final = ("-smp", "2", "-m", "1024")
_ARM: Final = ("qemu-system-aarch64", "-cpu", "cortex-a53", "-accel", "tcg,tb-size=512")
_PULLED: Final = "ls -d /sys/devices/platform/*/gpiochip*/sim_gpio{pin}/pull"


@dataclass(frozen=True, kw_only=True)
class Board:
    """What is emulated.

    Attributes:
        words: The emulator and the machine, with what it starts.
        disk: What its card is.
        line: Words that make the serial line `line` the transmitter's.
    """

    words: tuple[str, ...]
    disk: Path
    line: tuple[str, ...]


def raspberry(card: Card, work: Path) -> Board:
    """The board of the card image: its own kernel and initramfs, as the firmware would start them.

    Raises:
        Failed: The card has none.
    """
    kernel, initrd = card.take_out("vmlinuz-"), card.take_out("initrd.img-")
    bare, overlay, tree = work / "bare.dtb", work / "pins.dtbo", work / "board.dtb"
    run(*_ARM, *_MEMORY, "-M", f"virt,dumpdtb={bare}", "-display", "none")
    run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", overlay, HERE / "pins.dts")
    run("fdtoverlay", "-i", bare, "-o", tree, overlay)
    words = [*_ARM, *_MEMORY, "-M", "virt", "-dtb", str(tree)]
    words += ["-kernel", str(kernel), "-initrd", str(initrd)]
    # With a console that an emulator has.
    words += ["-append", f"{card.read('cmdline.txt').strip()} console=ttyAMA0"]
    return Board(words=tuple(words), disk=card.path, line=("-device", "pci-serial,chardev=line"))


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the card was told to write since power on: requests, and bytes of them."""

    requests: int
    bytes: int

    def less(self, before: "Written") -> "Written":
        """What came since then."""
        return Written(requests=self.requests - before.requests, bytes=self.bytes - before.bytes)


class Machine:
    """The board under power. Use it as a context manager: it is unplugged in any case.

    Args:
        board: What is emulated.
        terminal: What is at its serial line.
        work: Where the SSH key is, and the console goes.

    Attributes:
        address: An address of this computer's loopback interface where the box's ports are.
        since: How many pages the transmitter had taken before it was switched on.
    """

    def __init__(self, board: Board, terminal: TapTerminal, work: Path) -> None:
        self.address: Final = f"127.{'.'.join(str(1 + byte % 254) for byte in os.urandom(3))}"
        self.since: Final = len(terminal.pages)
        self._key: Final = work / "key"
        self._console: Final = work / "console"
        self._control: Final = work / "qmp"
        self._pulls: dict[int, str] = {}
        host, _, port = terminal.port.removeprefix("socket://").partition(":")
        forwards = ""
        for number in (8080, 8443, 22):
            here = number if number > 1024 else number + SHIFT
            forwards += f",hostfwd=tcp:{self.address}:{here}-:{number}"
        words = [*board.words, "-display", "none", "-nodefaults", "-no-reboot", "-monitor", "none"]
        words += ["-serial", f"file:{self._console}"]
        words += ["-qmp", f"unix:{self._control},server=on,wait=off"]
        # The emulator is what dies, not this computer: what it was given is kept, and to wait for
        # this computer's own disk would prove nothing more.
        words += ["-drive", f"file={board.disk},format=raw,if=none,id=card,cache=unsafe"]
        words += ["-device", "virtio-blk-pci,drive=card", "-device", "virtio-rng-pci"]
        words += ["-chardev", f"socket,id=line,host={host},port={port},reconnect=1", *board.line]
        words += ["-netdev", f"user,id=net{forwards}"]
        words += ["-device", "virtio-net-pci,netdev=net,romfile="]  # it does not start from there
        self._process: Final = subprocess.Popen(words, stdin=subprocess.DEVNULL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def unplug(self) -> None:
        """No more current, this very moment."""
        self._process.kill()
        self._process.wait()

    def console(self) -> str:
        """The end of what it said while it started."""
        return "\n".join(self._console.read_text(errors="replace").splitlines()[-40:])

    def is_page_up(self) -> bool:
        """Whether the page answers, with whatever it has to say."""
        asked = http.client.HTTPConnection(self.address, 8080, timeout=20)
        with contextlib.closing(asked):
            asked.request("GET", "/setup")
            return asked.getresponse().status < 500

    def do(self, command: str, timeout_s: float = ANSWER_S) -> str:
        """Run a shell's command on the box, as root."""
        words = [*self._options(), f"root@{self.address}", command]
        return run("ssh", *words, timeout_s=timeout_s)

    def put(self, path: Path, there: str) -> None:
        """Copy a file onto the box."""
        run("scp", "-q", *self._options(), path, f"root@{self.address}:{there}", timeout_s=COPY_S)

    def ask(self, request: Request[T]) -> T:
        """What the gateway answers. A command of its own would take an emulator three seconds.

        Raises:
            Unreachable: It is not there, or not yet.
        """
        place = self._key.parent / "asked"
        place.unlink(missing_ok=True)
        words = ["ssh", *self._options(), f"root@{self.address}", _RELAY]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen(1)
            with Client(place, timeout_s=ANSWER_S) as client:
                with listener.accept()[0] as far:
                    relay = subprocess.Popen(words, stdin=far.fileno(), stdout=far.fileno())
                # It is the relay's alone: where that ends, the client sees the end.
                with relay:
                    try:
                        return client.call(request)
                    finally:
                        relay.terminate()

    def hang_up(self) -> None:
        """Leave the box: it notes that somebody has gone, and then nobody is on it."""
        run("ssh", *self._options(), "-O", "exit", f"root@{self.address}")

    def _options(self) -> list[str]:
        words = ["-i", str(self._key), "-o", f"Port={22 + SHIFT}", "-o", "BatchMode=yes"]
        words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        words += ["-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20"]
        # A sign-in takes an emulated processor two seconds: one serves all commands.
        words += ["-o", "ControlMaster=auto", "-o", "ControlPersist=60"]
        return [*words, "-o", f"ControlPath={self._key.parent / 'ssh-%C'}"]

    def is_up(self) -> bool:
        """Whether SSH lets in the key that was put onto the card, and the gateway runs.

        Raises:
            Failed: It does not.
            SystemExit: The emulator has ended.
        """
        if self._process.poll() is not None:
            raise SystemExit("The emulator ended by itself.")
        return self.do("systemctl is-active achivx-gateway").strip() == "active"

    def press_command(self, pin: int, held_s: float = 0.2) -> str:
        """What presses the button at a pin, for `do`: the line's pull is what the kernel moves."""
        if pin not in self._pulls:
            self._pulls[pin] = self.do(_PULLED.format(pin=pin)).strip()
        pull = self._pulls[pin]
        return f"echo pull-down >{pull}; sleep {held_s}; echo pull-up >{pull}"

    def press(self, pin: int) -> None:
        """Press the button at a pin, for a fifth of a second."""
        self.do(self.press_command(pin))

    def written(self) -> Written:
        """What the card was told to write, as the emulator counts it: the box does not notice."""
        found = self._tell("query-blockstats")
        (stats,) = (each["stats"] for each in found if each["device"] == "card")
        return Written(requests=stats["wr_operations"], bytes=stats["wr_bytes"])

    def plug_in(self, stick: Path) -> None:
        """Put a USB stick in, whose content is this file: for a board with a USB port.

        Raises:
            Failed: It has none.
        """
        file = {"driver": "file", "filename": str(stick)}
        self._tell("blockdev-add", {"driver": "raw", "node-name": "stick", "file": file})
        self._tell("device_add", {"driver": "usb-storage", "id": "stick", "drive": "stick"})

    def pull_out(self) -> None:
        """Pull the USB stick out, whatever the box is doing with it."""
        self._tell("device_del", {"id": "stick"})
        until(self._let_go, "the emulator to let the stick go")

    def _let_go(self) -> bool:
        self._tell("blockdev-del", {"node-name": "stick"})
        return True

    def _tell(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """What the emulator itself answers.

        Raises:
            Failed: It would not.
        """
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._control))
            with control.makefile("rw") as talk:
                json.loads(talk.readline())
                for words in ("qmp_capabilities", command):
                    given = {"arguments": arguments} if words == command and arguments else {}
                    talk.write(json.dumps({"execute": words, **given}) + "\n")
                    talk.flush()
                    # What it tells by itself comes in between.
                    while "event" in (answer := json.loads(talk.readline())):
                        pass
        if "return" not in answer:
            raise Failed(f"{command}: {answer}")
        return answer["return"]


@contextlib.contextmanager
def started(board: Board, terminal: TapTerminal, work: Path) -> Iterator[Machine]:
    """A machine whose gateway runs; when something fails, its console is shown."""
    with Machine(board, terminal, work) as machine:
        try:
            until(machine.is_up, "SSH, and the gateway", BOOT_S)
            yield machine
        except Failed as error:
            raise Failed(f"{error}\nThe end of its console:\n{machine.console()}") from error
