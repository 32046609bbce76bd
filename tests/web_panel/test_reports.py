"""Line reports over REST."""

from __future__ import annotations

from tests.web_panel.house import House
from tests.web_panel.story import Story, named

DAY = {"since": "2030-01-07", "until": "2030-01-07"}


async def test_a_supervisor_reads_the_day_of_each_line_and_its_calls(house: House) -> None:
    await house.tell(Story().missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        (line,) = (await tab.get("/api/reports/lines", params=DAY)).json()
        calls = (await tab.get("/api/reports/lines/abandoned", params=DAY)).json()
        other_day = (await tab.get("/api/reports/lines", params={"since": "2030-01-08", "until": "2030-01-08"})).json()
        backwards = await tab.get("/api/reports/lines", params={"since": "2030-01-08", "until": "2030-01-07"})
        endless = await tab.get("/api/reports/lines", params={"since": "2020-01-08", "until": "2030-01-07"})
        unknown = await tab.get("/api/reports/lines/whatever", params=DAY)
    assert (line["counts"]["offered"], line["counts"]["abandoned"]) == (1, 1)
    assert [call["call_id"] for call in calls] == [str(named("a"))]
    assert other_day == []
    assert (backwards.status_code, backwards.json()["field"]) == (400, "until")
    assert (endless.status_code, endless.json()["field"]) == (400, "until")
    assert unknown.status_code in (400, 404)


async def test_an_agent_reads_no_reports(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.get("/api/reports/lines", params=DAY)).status_code == 403
        assert (await tab.get("/api/reports/lines/answered", params=DAY)).status_code == 403
