"""`dzvin replay`: a call's ladder as text, and whether the core would do the same again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dzvin.call_traces import FOLDER, as_shown
from pbx.trace.file import NotATrace
from pbx.trace.shelf import Ambiguous, find, read
from web_panel.call_ladder import CallLadder, LadderRow, LadderVerdict

WIDTH = 18  # of the name at each end
SHAFT = 36


class NoTrace(Exception):
    """There is no such trace, or none that can be read; the text says which."""


def load(data: Path, call: str) -> CallLadder:
    """The call with that id, or with the one id that begins so. Raises NoTrace."""
    folder = data / FOLDER
    try:
        return as_shown(read(folder, find(folder, call)))
    except Ambiguous as error:
        raise NoTrace(str(error)) from error
    except FileNotFoundError as error:
        wait = "a call is kept half a minute after its end, when its last transaction is over"
        raise NoTrace(f"no trace of a call {call} below {folder} ({wait})") from error
    except (NotATrace, OSError) as error:
        raise NoTrace(f"the trace of {call} cannot be read: {error}") from error


def lines(ladder: CallLadder, *, messages: bool = False) -> Iterator[str]:
    """Callers to the left of us, whom we called to the right."""
    yield f"call {ladder.call_id}, {ladder.started_at:%Y-%m-%d %H:%M:%S} UTC"
    for number, side in enumerate(ladder.sides, 1):
        role = "called by us" if side.outbound else "calls us"
        yield f"  leg {number}: {side.name}, {side.address}, {role}, {side.leg_id}"
    yield ""
    for row in ladder.rows:
        if row.missing:
            yield f"{'…':>10}  {row.missing} notes are missing here: the trace had reached its bound"
        yield _line(ladder, row)
        if messages:
            yield from (f"{'':>12}{line}" for line in ("", *row.text.split("\n"), ""))
    yield ""
    yield from _said(ladder, ladder.verdict)


def _line(ladder: CallLadder, row: LadderRow) -> str:
    side = ladder.sides[row.side]
    name = f"{side.name[: WIDTH - 4]} [{row.side + 1}]"
    remarks = [word for word, said in (("again", row.again), ("not sent", row.failed)) if said]
    title = row.title + (f" ({', '.join(remarks)})" if remarks else "")
    rightward = row.inward is not side.outbound
    shaft = f" {title} ".center(SHAFT, "─")
    arrow = f"{shaft}▶" if rightward else f"◀{shaft}"
    if side.outbound:
        return f"{row.at:10.3f}  {'':{WIDTH}} {'':{SHAFT + 1}} dzvin {arrow} {name}".rstrip()
    return f"{row.at:10.3f}  {name:>{WIDTH}} {arrow} dzvin"


def _said(ladder: CallLadder, verdict: LadderVerdict) -> Iterator[str]:
    found = verdict.difference
    if found is not None:
        where = f"at {ladder.rows[found.row].at:.3f}, {ladder.rows[found.row].title}" if found.row is not None else ""
        yield f"replay: DIFFERENT {where}".rstrip()
        yield f"  {found.what}"
        yield f"  in the call: {found.noted}"
        yield f"  this time:   {found.replayed}"
    else:
        yield f"replay: the same, {verdict.checked} steps compared"
    if verdict.missing:
        yield f"  {verdict.missing} notes are missing; {verdict.unchecked} that hang on them could not be compared"
