"""What an extension may spend outside: the one gate against toll fraud.

Dialled calls, transfers, redirections, forwards, click-to-call and calls back all pass it, each on the account of the
extension that causes the call (`by`). Abroad and premium numbers are closed until opened; the rest is limited by how
many at once, how many a minute and how long a day. Emergency numbers pass always, and so do our own.

No clock: `now` is passed in, aware.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from callflow.reach import Reach, reach_of
from callflow.router import FORBIDDEN, CallbackPlan, LinePlan, Refuse, Route, ToTrunk

MINUTE = timedelta(minutes=1)
LONGEST_MEMORY = 1000  # calls within the last minute that are remembered of one account


class Barrier(StrEnum):
    """Why a call to the outside was refused."""

    INTERNATIONAL = "international"
    PREMIUM = "premium"
    HOURS = "hours"
    CALLS_AT_ONCE = "calls_at_once"
    CALLS_PER_MINUTE = "calls_per_minute"
    MINUTES_PER_DAY = "minutes_per_day"


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day until another; 22:00 to 06:00 goes over midnight."""

    start: time
    end: time

    def __contains__(self, moment: time) -> bool:
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideRules:
    """What one extension may do outside. 0 stands for no limit."""

    international: bool = False
    premium: bool = False
    calls_at_once: int = 2
    calls_per_minute: int = 20
    minutes_per_day: int = 480
    hours: Hours | None = None


class NotPermitted(Exception):
    """The call may not be placed; `refusal` is what the flow answers."""

    def __init__(self, barrier: Barrier) -> None:
        super().__init__(barrier.value)
        self.barrier = barrier
        self.refusal = FORBIDDEN


@dataclass(slots=True)
class _Spending:
    """Of one extension. `seconds` are of calls that ended on `day`."""

    day: date
    seconds: float = 0.0
    started: deque[datetime] = field(default_factory=lambda: deque(maxlen=LONGEST_MEMORY))
    running: list[Permit] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Permit:
    """One call to the outside that runs. `seconds_left`: after that much it must end, by the limit of the day."""

    since: datetime
    seconds_left: float | None
    _close: Callable[[Permit, datetime], None]
    _over: bool = False

    def end(self, now: datetime) -> None:
        """The call is over. Safe to call twice."""
        if not self._over:
            self._over = True
            self._close(self, now)


class Permissions:
    """`rules`: of extensions that differ from `default`. `ties`: numbers that stand for a whole trunk, which cost
    nothing by themselves. `lines` have accounts of their own, for those whom they call back. `on_alarm`: called for the
    first refusal of an extension for each reason in a day."""

    def __init__(
        self,
        default: OutsideRules | None = None,
        rules: Mapping[str, OutsideRules] | None = None,
        *,
        region: str = "UA",
        zone: tzinfo | None = None,
        premium_prefixes: Sequence[str] = (),
        ties: Container[str] = (),
        lines: Mapping[str, LinePlan] | None = None,
        on_alarm: Callable[[str | None, Barrier], None] = lambda by, barrier: None,
    ) -> None:
        self._default = default or OutsideRules()
        self._rules = rules or {}
        self._lines: Mapping[str, LinePlan] = lines or {}
        self._region = region
        self._zone = zone or ZoneInfo("UTC")
        self._premium_prefixes = tuple(premium_prefixes)
        self._ties = ties
        self._on_alarm = on_alarm
        self._spent: dict[str, _Spending] = {}  # as many as there are extensions
        self._alarmed: dict[tuple[str | None, Barrier], date] = {}
        self.refused = 0

    def is_emergency(self, number: str) -> bool:
        return reach_of(number, self._region, self._premium_prefixes) is Reach.EMERGENCY

    def refusal(self, by: str | None, route: Route, now: datetime) -> Refuse | None:
        """None when `by` may have a call placed there now. `by` None: a trusted peer, who has no account; it meets the
        default rules without the limits."""
        barrier = self._barrier(by, route, now)
        if barrier is None:
            return None
        self._told(by, barrier, now)
        return FORBIDDEN

    def begin(self, by: str | None, route: Route, now: datetime) -> Permit:
        """Take one of the calls that `by` may have; `end` gives it back. Raises NotPermitted."""
        barrier = self._barrier(by, route, now)
        if barrier is not None:
            self._told(by, barrier, now)
            raise NotPermitted(barrier)
        if by is None or not isinstance(route, ToTrunk) or self._is_free(route):
            return Permit(now, None, lambda permit, end: None)
        spending = self._spending(by, now)
        spending.started.append(now)
        permit = Permit(now, self._seconds_left(by, spending, now), lambda permit, end: self._ended(by, permit, end))
        spending.running.append(permit)
        return permit

    def at_once(self, by: str) -> int:
        """How many calls of that extension are outside now."""
        spending = self._spent.get(by)
        return len(spending.running) if spending else 0

    def _of(self, by: str | None) -> OutsideRules:
        if by is None:
            return self._default
        line = self._lines.get(by)
        return self._rules.get(by, self._default) if line is None else _of_line(line.callback or CallbackPlan())

    def _barrier(self, by: str | None, route: Route, now: datetime) -> Barrier | None:
        if not isinstance(route, ToTrunk) or route.number in self._ties:
            return None
        rules = self._of(by)
        match reach_of(route.number, self._region, self._premium_prefixes):
            case Reach.EMERGENCY:
                return None
            case Reach.INTERNATIONAL if not rules.international:
                return Barrier.INTERNATIONAL
            case Reach.PREMIUM if not rules.premium:
                return Barrier.PREMIUM
            case _:
                return None if by is None else self._limit(by, rules, now)

    def _limit(self, by: str, rules: OutsideRules, now: datetime) -> Barrier | None:
        if rules.hours is not None and now.astimezone(self._zone).time() not in rules.hours:
            return Barrier.HOURS
        spending = self._spending(by, now)
        if rules.calls_at_once and len(spending.running) >= rules.calls_at_once:
            return Barrier.CALLS_AT_ONCE
        while spending.started and not spending.started[0] <= now < spending.started[0] + MINUTE:
            spending.started.popleft()
        if rules.calls_per_minute and len(spending.started) >= rules.calls_per_minute:
            return Barrier.CALLS_PER_MINUTE
        left = self._seconds_left(by, spending, now)
        return Barrier.MINUTES_PER_DAY if left is not None and left <= 0 else None

    def _seconds_left(self, by: str, spending: _Spending, now: datetime) -> float | None:
        minutes = self._of(by).minutes_per_day
        if not minutes:
            return None
        running = sum((now - permit.since).total_seconds() for permit in spending.running)
        return minutes * 60 - spending.seconds - running

    def _spending(self, by: str, now: datetime) -> _Spending:
        today = now.astimezone(self._zone).date()
        spending = self._spent.get(by)
        if spending is None:
            spending = self._spent[by] = _Spending(today)
        elif spending.day != today:
            spending.day, spending.seconds = today, 0.0
        return spending

    def _ended(self, by: str, permit: Permit, now: datetime) -> None:
        spending = self._spending(by, now)
        spending.running.remove(permit)
        spending.seconds += max(0.0, (now - permit.since).total_seconds())

    def _is_free(self, route: ToTrunk) -> bool:
        return route.number in self._ties or reach_of(route.number, self._region) is Reach.EMERGENCY

    def _told(self, by: str | None, barrier: Barrier, now: datetime) -> None:
        self.refused += 1
        today = now.astimezone(self._zone).date()
        if self._alarmed.get((by, barrier)) != today:
            self._alarmed[by, barrier] = today
            self._on_alarm(by, barrier)


def _of_line(plan: CallbackPlan) -> OutsideRules:
    """Premium numbers never. How many at once and for how long, the agents of the line bound."""
    return OutsideRules(international=plan.international, calls_at_once=0, calls_per_minute=0, minutes_per_day=0)
