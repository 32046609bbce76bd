"""What supervisors say of lines and of those who wait, as the live panel keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from callflow.line_orders import WaitOrder, WaitOrdered


@dataclass(frozen=True, slots=True)
class Standing:
    """What a supervisor has said of somebody who waits. `agent`: the only one who may take it; None: anybody."""

    points: float = 0.0
    agent: str | None = None

    def after(self, fact: WaitOrdered) -> Standing:
        match fact.order:
            case WaitOrder.PRIORITISED:
                return Standing(fact.points, self.agent)
            case WaitOrder.ASSIGNED | WaitOrder.UNASSIGNED:
                return Standing(self.points, fact.agent or None)
            case _:
                return Standing(self.points)
