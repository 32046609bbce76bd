"""Who may come into a line, and how long they will wait."""

from __future__ import annotations

from queue_engine.floor import Floor
from queue_engine.reasons import LeaveReason


def admission(floor: Floor, number: str, now: float) -> LeaveReason | None:
    """Why nobody may come into the line now; None when they may. Raises KeyError: no such line."""
    line = floor.roster.lines[number]
    if number in floor.closed:
        return LeaveReason.CLOSED
    if line.max_length and floor.pool.lengths.get(number, 0) >= line.max_length:
        return LeaveReason.FULL
    # A rest or a wrap-up that nobody waited for has ended unnoticed: agents are asked themselves.
    if line.join_empty and all(agent.refusal(now) in line.join_empty for agent in floor.roster.of_line(number)):
        return LeaveReason.NO_AGENTS
    if line.expected_wait_limit:
        wait = expected_wait(floor, number, floor.pool.waiting(number), now)
        if wait is not None and wait > line.expected_wait_limit:
            return LeaveReason.EXPECTED_WAIT
    return None


def expected_wait(floor: Floor, number: str, ahead: int, now: float) -> float | None:
    """Seconds for somebody with `ahead` people before them; None while the line has served nobody or nobody works.

    Each of the agents at work frees up once in an average service, which is what the last services of the line took.
    """
    if ahead == 0 and any(agent.refusal(now) is None for agent in floor.roster.of_line(number)):
        return 0.0
    pace, at_work = floor.pace.get(number), floor.roster.at_work(number)
    return None if pace is None or not at_work else (ahead + 1) * pace / at_work
