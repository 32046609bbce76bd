"""Traces of calls in an installation: noted by the core, kept in the data folder, shown by the panel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from dzvin.config import Config
from pbx.trace.file import NotATrace, Trace, decode
from pbx.trace.keeper import Keeper
from pbx.trace.ladder import Ladder, ladder, shown_text
from pbx.trace.mask import masked
from pbx.trace.replay import replay
from pbx.trace.shelf import Keeping, read
from pbx.trace.tap import Traces
from pbx.trace.verdict import Verdict
from web_panel.call_ladder import CallLadder, LadderDifference, LadderRow, LadderSide, LadderVerdict

FOLDER = "traces"


class CallTraces:
    """`tap` is the transaction layer's. With `[trace] days = 0` it notes nothing, and nothing is kept."""

    def __init__(self, config: Config, data: Path, clock: Callable[[], float]) -> None:
        self._folder = data / FOLDER
        rules = config.trace
        keeping = Keeping(days=rules.days, calls=rules.calls, bytes=rules.megabytes * 1024 * 1024)
        self._keeper = Keeper(self._folder, keeping) if rules.days else None
        self.tap = Traces(clock, self._keeper.keep if self._keeper is not None else None)

    @property
    def lost(self) -> int:
        """Calls whose trace was not begun or not kept."""
        return self.tap.left_out + (self._keeper.lost if self._keeper is not None else 0)

    async def start(self) -> None:
        if self._keeper is not None:
            await self._keeper.start()

    async def close(self) -> None:
        """What is noted of calls that linger is kept too."""
        self.tap.close()
        if self._keeper is not None:
            await self._keeper.close()

    async def ladder(self, call_id: UUID) -> CallLadder | None:
        """None: there is no trace of that call."""
        live = self.tap.live(call_id)
        return await asyncio.to_thread(self._ladder, call_id, live)

    def _ladder(self, call_id: UUID, live: bytes | None) -> CallLadder | None:
        try:
            trace = masked(decode(live)) if live is not None else read(self._folder, call_id)
        except (FileNotFoundError, NotATrace):
            return None
        return as_shown(trace, live=live is not None)


def as_shown(trace: Trace, *, live: bool = False) -> CallLadder:
    """A masked trace for people and for programs. `live`: more may come."""
    drawn = ladder(trace)
    return CallLadder(
        call_id=UUID(trace.call_id),
        started_at=datetime.fromtimestamp(trace.started_at, UTC),
        live=live,
        sides=tuple(
            LadderSide(leg_id=side.leg_id, name=side.name, address=side.address, outbound=side.outbound)
            for side in drawn.sides
        ),
        rows=tuple(
            LadderRow(
                at=round(arrow.at, 6),
                side=arrow.side,
                inward=arrow.inward,
                title=arrow.title,
                text=arrow.text,
                again=arrow.again,
                failed=arrow.failed,
                missing=arrow.missing,
            )
            for arrow in drawn.arrows
        ),
        verdict=_verdict(replay(trace), drawn),
    )


def _verdict(found: Verdict, drawn: Ladder) -> LadderVerdict:
    difference = None
    if found.difference is not None:
        before = [row for row, arrow in enumerate(drawn.arrows) if arrow.record <= found.difference.record]
        difference = LadderDifference(
            row=before[-1] if before else None,
            what=_harmless(found.difference.what),
            noted=_harmless(found.difference.noted),
            replayed=_harmless(found.difference.replayed),
        )
    return LadderVerdict(
        same=found.is_same,
        checked=found.checked,
        unchecked=found.unchecked,
        missing=found.missing,
        difference=difference,
    )


def _harmless(text: str) -> str:
    """A difference quotes what peers wrote."""
    return shown_text(text.encode("utf-8", "surrogateescape"))
