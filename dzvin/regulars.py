"""Answers whose a caller is from the data base; while that is away nobody is anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from crm_core import telephony
from crm_core.database import AWAY, Pool, borrowed

log = structlog.get_logger("dzvin.regulars")


@dataclass(frozen=True, slots=True)
class KnownRegulars:
    """Implements `callflow.ports.Regulars`."""

    pool: Pool

    async def agent_of(self, number: str, by: Sequence[str]) -> str | None:
        try:
            async with borrowed(self.pool, at_most=1.0) as conn:
                return await telephony.agent_of(conn, number, by)
        except AWAY as error:
            log.warning("nobody knows whose a caller is", error=repr(error))
            return None
