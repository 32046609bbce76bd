"""Processor time of processes and of the whole machine, from /proc."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def seconds(pids: Sequence[int]) -> float:
    """User and system time so far of these processes and of their children that live."""
    return sum(map(_ticks, family(pids))) / _TICKS


def machine_seconds() -> float:
    """What all processors together have worked since the machine started, waiting and idling left out."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / _TICKS


def resident(pids: Sequence[int]) -> int:
    """Octets of memory."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in family(pids)) * _PAGE


def family(pids: Sequence[int]) -> set[int]:
    """These processes and all below them."""
    found: set[int] = set()
    wanted = list(pids)
    while wanted:
        pid = wanted.pop()
        found.add(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            wanted += [int(child) for child in children.read_text().split()]
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
