"""Every call that an installation has carried does the same again when its trace is fed to the core."""

from __future__ import annotations

from pathlib import Path

from pbx.trace.file import unpack
from pbx.trace.replay import replay
from pbx.trace.verdict import Difference


def kept(data: Path) -> list[Path]:
    """The traces of a data folder, the oldest first."""
    return sorted((data / "traces").rglob("*.trace"))


def unlike(data: Path) -> dict[str, Difference]:
    """The calls that do not, with their first difference."""
    verdicts = {path.stem: replay(unpack(path.read_bytes())) for path in kept(data)}
    return {call: verdict.difference for call, verdict in verdicts.items() if verdict.difference is not None}
