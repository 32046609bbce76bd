"""What agents say of themselves and supervisors of agents: checked here, told to the engine, kept for the audit."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

from callflow.control import Actor, Agent, ControlRefused
from callflow.ports import Clock, FactSink
from queue_engine.decisions import AutoPause
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import AgentDeclared, HandRaised, Will, WrapUpCut

AUTO_PAUSE = "auto"
"""The reason of a pause that the engine began: too many offers were not taken."""


class AgentCommands:
    """Implements `web_panel.ports.AgentControl`. Every method raises ControlRefused("forbidden") for somebody who is
    neither the agent nor a supervisor."""

    def __init__(self, dispatcher: Dispatcher, ledger: FactSink, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._clock = clock

    def declare(self, actor: Actor, agent: Agent, will: Will, reason: str = "", *, status: str = "") -> None:
        """Ready, on demand, paused for a reason, or signed out (R-PANEL-08). A call that is under way goes on.
        `status`: the key of a user status that stands for that will, and is its reason whatever will it is."""
        _check(actor, agent)
        self._ledger.append(
            AgentDeclared(
                id=uuid7(), at=self._clock.now(), user=agent.user_id, extension=agent.extension, will=will,
                reason=status or (reason if will is Will.PAUSED else ""), by=actor.user_id,
            )
        )  # fmt: skip
        if agent.extension is not None:
            self._dispatcher.declare(agent.extension, will)

    def auto_paused(self, user: UUID | None, decision: AutoPause) -> None:
        """The engine's own word, kept and shown as one of nobody. `user`: whose extension it is, if anybody's."""
        if user is not None:
            self._ledger.append(
                AgentDeclared(
                    id=uuid7(), at=self._clock.now(), user=user, extension=decision.extension, will=Will.PAUSED,
                    reason=AUTO_PAUSE, cause=decision.cause.value,
                )
            )  # fmt: skip

    def cut_wrap_up(self, actor: Actor, agent: Agent) -> None:
        """The agent may be offered the next call at once. Nothing happens to one who is in no wrap-up."""
        _check(actor, agent)
        if agent.extension is None:
            raise ControlRefused("no_phone")
        self._ledger.append(
            WrapUpCut(id=uuid7(), at=self._clock.now(), user=agent.user_id, extension=agent.extension, by=actor.user_id)
        )
        self._dispatcher.end_wrap_up(agent.extension)

    def prolong_wrap_up(self, actor: Actor, seconds: float) -> None:
        """The agent's own wrap-up lasts so long from now on. Raises ControlRefused: no_phone, no_wrap_up."""
        if actor.extension is None:
            raise ControlRefused("no_phone")
        if not self._dispatcher.wraps_up(actor.extension):
            raise ControlRefused("no_wrap_up")
        self._dispatcher.prolong_wrap_up(actor.extension, seconds)

    def raise_hand(self, actor: Actor) -> None:
        """The agent asks for a supervisor."""
        self._hand(actor, actor.self, raised=True)

    def lower_hand(self, actor: Actor, agent: Agent) -> None:
        _check(actor, agent)
        self._hand(actor, agent, raised=False)

    def _hand(self, actor: Actor, agent: Agent, *, raised: bool) -> None:
        self._ledger.append(
            HandRaised(id=uuid7(), at=self._clock.now(), user=agent.user_id, raised=raised, by=actor.user_id)
        )


def _check(actor: Actor, agent: Agent) -> None:
    if not actor.supervisor and actor.user_id != agent.user_id:
        raise ControlRefused("forbidden")
