"""A call from its first stage to its result."""

from __future__ import annotations

from callflow.call import Call
from callflow.conferring import confer
from callflow.consulting import consult
from callflow.meeting_visit import meet
from callflow.merging import merge
from callflow.parking import park
from callflow.rescue import farewell
from callflow.seeking import seek
from callflow.stages import Conference, Consult, Farewell, Meet, Merge, Parked, Result, Seek, Stage, Talk
from callflow.talking import talk


async def run(call: Call, stage: Stage) -> Result:
    """Partners may change as often as they like: it stays one call."""
    while True:
        match stage:
            case Seek():
                stage = await seek(call, stage)
            case Talk():
                stage = await talk(call, stage)
            case Consult():
                stage = await consult(call, stage)
            case Conference():
                stage = await confer(call, stage)
            case Merge():
                stage = await merge(call, stage)
            case Parked():
                stage = await park(call, stage)
            case Meet():
                stage = await meet(call, stage)
            case Farewell():
                stage = await farewell(call, stage)
            case Result():
                return stage
