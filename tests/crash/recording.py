"""What a process does to one directory, heard by strace and told as steps of a disk."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.crash.powercut import (
    Flush,
    FlushNames,
    Link,
    Rename,
    Resize,
    Said,
    Step,
    Unlink,
    Write,
)

ROOT: Final = Path(__file__).parents[2]
CALLS: Final = (
    "openat,write,pwrite64,lseek,fsync,fdatasync,ftruncate,rename,renameat2,unlink,unlinkat"
)
# Calls that would change a file and that nothing here understands.
FOREIGN: Final = "writev,pwritev,pwritev2,truncate,fallocate,copy_file_range,sendfile,link,linkat"
_LONGEST: Final = 1 << 20

_CALL: Final = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<words>.*)\) += (?P<result>-?\d+)")
_UNFINISHED: Final = re.compile(r"(?P<pid>\d+) +(?P<begun>\w+\(.*) <unfinished \.\.\.>")
_RESUMED: Final = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_HANDLE: Final = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})*)>")


class NotUnderstood(AssertionError):
    """The trace holds what this cannot tell as steps."""


class Recording:
    """The steps of one directory over the lives of several processes.

    Args:
        directory: There, flushed and empty; nothing in it is a directory.
    """

    def __init__(self, directory: Path) -> None:
        self.steps: Final[list[Step]] = []
        self._directory: Final = str(directory)
        self._names: Final[dict[str, int]] = {}
        self._made = 0
        self._places: dict[int, int] = {}

    def run(self, *words: str) -> None:
        """Run `python WORDS…` to its end and add what it does and says."""
        strace = shutil.which("strace")
        assert strace is not None, "install strace: scripts/test does"
        trace = Path(f"{self._directory}.strace")
        subprocess.run(
            [
                *(strace, "-f", "-qq", "-y", "-xx", "-s", str(_LONGEST), "-o", str(trace)),
                *("--seccomp-bpf", "-e", f"trace={CALLS},{FOREIGN}", "-e", "signal=none"),
                *(sys.executable, *words),
            ],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        self._places.clear()
        with trace.open() as lines:
            self._read(lines.read().splitlines())
        trace.unlink()

    def _read(self, lines: list[str]) -> None:
        begun: dict[str, tuple[str, int]] = {}
        for line in lines:
            covers = len(self.steps)
            whole = line
            if unfinished := _UNFINISHED.fullmatch(line):
                begun[unfinished["pid"]] = (unfinished["begun"], covers)
                continue
            if resumed := _RESUMED.fullmatch(line):
                start, covers = begun.pop(resumed["pid"])
                whole = f"{resumed['pid']} {start}{resumed['rest']}"
            call = _CALL.match(whole)
            if call is None:
                raise NotUnderstood(whole[:200])
            if int(call["result"]) >= 0:
                self._called(call["name"], call["words"], call["result"], whole, covers)

    def _called(self, name: str, words: str, result: str, line: str, covers: int) -> None:
        handle = _HANDLE.match(words)
        path = _plain(handle[2]).decode() if handle else ""
        number = int(handle[1]) if handle else -1
        match name:
            case "openat":
                self._opened(line, words)
            case "write" if number == 1:
                self.steps.append(Said(_text(words).decode().rstrip("\n")))
            case "unlink" | "unlinkat" if (file := self._name(_text(words))) in self._names:
                del self._names[file]
                self.steps.append(Unlink(file))
            case "rename" | "renameat2":
                self._renamed([self._name(_plain(each[1])) for each in _TEXT.finditer(words)])
            case "fsync" | "fdatasync" if path == self._directory:
                self.steps.append(FlushNames(covers))
            case _ if (file := self._name(path.encode())) in self._names:
                self._changed(name, self._names[file], number, words, int(result), covers)

    def _opened(self, line: str, words: str) -> None:
        handle = _HANDLE.search(line.rpartition(" = ")[2])
        if handle is None:
            raise NotUnderstood(line[:200])
        self._places[int(handle[1])] = 0
        file = self._name(_plain(handle[2]))
        if file and "O_CREAT" in words and file not in self._names:
            self._made += 1
            self._names[file] = self._made
            self.steps.append(Link(file, self._made))
        elif file in self._names and "O_TRUNC" in words:
            self.steps.append(Resize(self._names[file], 0))

    def _renamed(self, names: list[str]) -> None:
        old, new = names
        if old in self._names:
            self._names[new] = self._names.pop(old)
            self.steps.append(Rename(old, new))

    def _changed(
        self, name: str, file: int, number: int, words: str, result: int, covers: int
    ) -> None:
        match name:
            case "pwrite64":
                offset = int(words.rpartition(", ")[2])
                self.steps.append(Write(file, offset, _text(words)[:result]))
            case "write":
                self.steps.append(Write(file, self._places[number], _text(words)[:result]))
                self._places[number] += result
            case "lseek":
                self._places[number] = result
            case "ftruncate":
                self.steps.append(Resize(file, int(words.rpartition(", ")[2], 0)))
            case "fsync" | "fdatasync":
                self.steps.append(Flush(file, covers))
            case _:
                raise NotUnderstood(f"{name} on a file of {self._directory}")

    def _name(self, path: bytes) -> str:
        """Its name in the directory, empty for what is elsewhere."""
        directory, _, name = path.decode().rpartition("/")
        return name if directory == self._directory else ""


def _text(words: str) -> bytes:
    found = _TEXT.search(words)
    if found is None or found[2]:
        raise NotUnderstood(f"no text, or not all of it: {words[:80]}")
    return _plain(found[1])


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))
