"""Callbacks that are owed, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from callflow.control import Actor, ControlRefused
from queue_engine.dispatcher import Dispatcher
from queue_engine.work import ItemKind, Line, WorkItem
from tests.crm_core.company import tell
from tests.crm_core.test_callbacks import ANNA, PROMISE, promised
from tests.web_panel.house import House


class Owed:
    """Remembers what was withdrawn."""

    def __init__(self) -> None:
        self.withdrawn: list[UUID] = []

    def withdraw(self, actor: Actor, promise_id: UUID) -> None:
        if promise_id != PROMISE:
            raise ControlRefused("unknown_callback")
        self.withdrawn.append(promise_id)


async def test_a_supervisor_sees_who_is_owed_a_call_with_the_place_and_takes_one_back(house: House) -> None:
    owed, dispatcher = Owed(), Dispatcher([Line("7000", ("1001",))])
    dispatcher.put(WorkItem(PROMISE, "7000", 0.0, ItemKind.CALLBACK))
    house.app.state["services"] = replace(house.services, waiting=dispatcher, callbacks=owed)
    async with house.services.pool.acquire() as conn:
        await tell(conn, promised())
    async with await house.signed_in("supervisor") as tab:
        (shown,) = (await tab.get("/api/callbacks")).json()
        gone = await tab.delete(f"/api/callbacks/{shown['id']}")
        unknown = await tab.delete(f"/api/callbacks/{UUID(int=8)}")
    assert (shown["phone"], shown["line"], shown["position"], shown["tries"]) == (ANNA, "7000", 1, 0)
    assert (gone.status_code, unknown.status_code, unknown.json()["error"]) == (204, 404, "unknown_callback")
    assert owed.withdrawn == [PROMISE]
    dispatcher.close()
