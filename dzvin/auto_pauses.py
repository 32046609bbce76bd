"""A pause that the queue engine makes by itself becomes a fact, and so is shown, timed and kept as any other."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import structlog

from callflow.agent_commands import AgentCommands
from crm_core.spool import SpoolFull
from queue_engine.decisions import AutoPause
from queue_engine.dispatcher import Dispatcher

log = structlog.get_logger("dzvin.auto_pauses")


def tell_auto_pauses(dispatcher: Dispatcher, agents: AgentCommands, whose: Callable[[str], UUID | None]) -> None:
    """`whose`: the user of an extension; None: nobody's."""

    def tell(pause: AutoPause) -> None:
        try:
            agents.auto_paused(whose(pause.extension), pause)
        except SpoolFull as error:  # the agent is paused all the same, until the next start
            log.error("an auto pause is not kept", extension=pause.extension, reason=str(error))

    dispatcher.on_auto_pause = tell
