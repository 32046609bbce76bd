"""What is set for a waiting line: by the configuration at first, by people later. One shape for both, and what the call
and the queue engine make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from callflow.flows.calendar import Calendar
from callflow.router import CallbackPlan, LinePlan, Order
from callflow.saying import Language
from queue_engine import work
from queue_engine.reasons import AgentCondition, RefusalCause

Seconds = Annotated[int, Meta(ge=0, le=3600)]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
Level = Annotated[int, Meta(ge=0, le=100)]  # of a skill
Points = Annotated[float, Meta(ge=-1000, le=1000)]  # of priority
Rate = Annotated[float, Meta(ge=0, le=1000)]
Skill = Annotated[str, Meta(min_length=1, max_length=50)]
Skills = dict[Skill, Level]
Knows = Literal["owner", "last_agent"]
"""Whose a caller is: the client's owner, or the agent who spoke with that number last."""

OFFER_GRACE = 10.0  # seconds after the ringing; a call tells the end of an offer itself, unless something is broken


class Tier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Agents who are asked only once somebody has waited `opens_after` seconds."""

    agents: tuple[str, ...]
    opens_after: Seconds


class Relaxation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `after` seconds of waiting these levels are enough; level 0 asks for the skill no more."""

    after: Seconds
    skills: Skills


class Callback(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who does not want to wait is called back at their place. Times in seconds."""

    key: Annotated[str, Meta(pattern="^[0-9]$")]  # that asks for it
    after: Seconds = 0  # of waiting
    order: Order = Order.AGENT_FIRST
    tries: Annotated[int, Meta(ge=1, le=10)] = 3  # that did not reach the party
    retry_after: Annotated[int, Meta(ge=30, le=86_400)] = 600
    expires: Annotated[int, Meta(ge=300, le=604_800)] = 28_800  # then it is not called back any more
    ring_timeout: Annotated[int, Meta(ge=5, le=120)] = 40  # of the party's phone
    international: bool = False  # numbers abroad are called back too
    hours: Calendar | None = None  # in which somebody is called back; None: always


class LineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in seconds. `None`: as in the other parts of the configuration."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    agents: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()
    record: bool | None = None  # None: by [recordings] calls
    ring_timeout: Positive | None = None  # None: by [calls]
    music: str = ""
    caller_id: str = ""  # of calls to the outside that are made for this line

    # Whom.
    strategy: str = "longest_idle"
    progress_delay: Annotated[int, Meta(ge=1, le=3600)] = 10
    penalties: dict[str, Count] = {}
    tiers: tuple[Tier, ...] = ()
    skip_empty_tiers: bool = True
    skills: Skills = {}
    relaxations: tuple[Relaxation, ...] = ()
    sticky: tuple[Knows, ...] = ("owner", "last_agent")
    sticky_patience: Seconds = 0

    # In which order.
    weight: Points = 0.0
    priorities: dict[str, Points] = {}  # number of a caller -> points
    aging: Rate = 0.0
    target: Seconds = 0

    # After an offer or a service.
    retry_after: Seconds = 5
    delays: dict[RefusalCause, Seconds] = {}
    auto_pause_after: Count = 0
    auto_pause_causes: tuple[RefusalCause, ...] = (RefusalCause.NO_ANSWER,)
    wrap_up: Seconds = 0

    # Who comes in, stays, and goes where.
    max_wait: Positive = 300
    max_length: Count = 0  # 0: no bound of its own
    join_empty: tuple[AgentCondition, ...] = ()
    leave_empty: tuple[AgentCondition, ...] = ()
    leave_empty_after: Seconds = 0
    expected_wait_limit: Seconds = 0
    empties_when_closed: bool = False
    resume_window: Seconds = 0
    overflow: str = ""  # our number for whom it does not take, or not serve in time
    exit_keys: dict[str, str] = {}
    callback: Callback | None = None

    # What is told.
    position: bool = False
    expected_wait: bool = False
    messages: tuple[str, ...] = ()  # prompts
    announce_every: Annotated[int, Meta(ge=10)] = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDefaults:
    """What holds for lines that say nothing else."""

    ring_timeout: float = 20.0
    record: bool = False
    language: Language = Language.UK


def line_plan(number: str, line: LineSettings, defaults: LineDefaults) -> LinePlan:
    """What the call goes by."""
    return LinePlan(
        number=number,
        ring_timeout=float(line.ring_timeout or defaults.ring_timeout),
        record=defaults.record if line.record is None else line.record,
        music=bool(line.music),
        max_wait=float(line.max_wait),
        overflow=line.overflow,
        exit_keys=line.exit_keys,
        position=line.position,
        expected_wait=line.expected_wait,
        messages=line.messages,
        announce_every=float(line.announce_every),
        language=defaults.language,
        priorities=line.priorities,
        callback=_callback_plan(line.callback) if line.callback is not None else None,
        sticky=line.sticky if line.sticky_patience else (),
    )


def _callback_plan(callback: Callback) -> CallbackPlan:
    return CallbackPlan(
        key=callback.key,
        after=float(callback.after),
        order=callback.order,
        tries=callback.tries,
        retry_after=float(callback.retry_after),
        expires=float(callback.expires),
        ring_timeout=float(callback.ring_timeout),
        international=callback.international,
        hours=callback.hours,
    )


def engine_line(number: str, line: LineSettings, defaults: LineDefaults) -> work.Line:
    """What the queue engine goes by. How long one waits at most is the call's business: it is told as `goes_on_after`,
    not as `max_wait`."""
    return work.Line(
        number,
        line.agents,
        ring_timeout=float(line.ring_timeout or defaults.ring_timeout),
        retry_after=float(line.retry_after),
        offer_grace=OFFER_GRACE,
        strategy=line.strategy,
        progress_delay=float(line.progress_delay),
        penalties=line.penalties,
        tiers=tuple(work.Tier(tier.agents, float(tier.opens_after)) for tier in line.tiers),
        skip_empty_tiers=line.skip_empty_tiers,
        skills=line.skills,
        relaxations=tuple(work.Relaxation(float(step.after), step.skills) for step in line.relaxations),
        sticky_patience=float(line.sticky_patience),
        weight=line.weight,
        aging=line.aging,
        target=float(line.target),
        delays={cause: float(seconds) for cause, seconds in line.delays.items()},
        auto_pause_after=line.auto_pause_after,
        auto_pause_causes=frozenset(line.auto_pause_causes),
        wrap_up=float(line.wrap_up),
        max_length=line.max_length,
        join_empty=frozenset(line.join_empty),
        leave_empty=frozenset(line.leave_empty),
        leave_empty_after=float(line.leave_empty_after),
        expected_wait_limit=float(line.expected_wait_limit),
        empties_when_closed=line.empties_when_closed,
        resume_window=float(line.resume_window),
        goes_on_after=float(line.max_wait),
        goes_on_to=line.overflow,
    )
