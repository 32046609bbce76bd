"""A pause that the queue engine makes by itself becomes a fact, and so is shown, timed and kept as any other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from callflow.agent_commands import AgentCommands
from crm_core.spool import SpoolFull
from queue_engine.decisions import AutoPause
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import Will

NOBODYS = 300.0
"""Seconds: for a phone that is nobody's nobody can say that it is ready again."""

log = structlog.get_logger("dzvin.auto_pauses")


def tell_auto_pauses(dispatcher: Dispatcher, agents: AgentCommands, whose: Callable[[str], UUID | None]) -> None:
    """`whose`: the user of an extension; None: nobody's."""
    loop = asyncio.get_running_loop()

    def ready(extension: str) -> None:
        if whose(extension) is None and dispatcher.will(extension) is Will.PAUSED:
            dispatcher.declare(extension, Will.READY)

    def tell(pause: AutoPause) -> None:
        user = whose(pause.extension)
        if user is None:
            log.warning("a phone of nobody is paused", extension=pause.extension, seconds=NOBODYS)
            loop.call_later(NOBODYS, ready, pause.extension)
        try:
            agents.auto_paused(user, pause)
        except SpoolFull as error:  # the agent is paused all the same, until the next start
            log.error("an auto pause is not kept", extension=pause.extension, reason=str(error))

    dispatcher.on_auto_pause = tell
