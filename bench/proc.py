"""What Linux knows about a process (proc(5))."""

import os
from pathlib import Path


def resident_mb(pid: int | str) -> float:
    """Its memory, shared pages included, in units of 1024 squared bytes; `self` is this one's."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_s(pid: int | str) -> float:
    """Seconds of processor time so far, in the kernel and out of it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
