"""Line reports over REST."""

from __future__ import annotations

import csv
import gc
import io

import pytest

from tests.web_panel.house import House
from tests.web_panel.story import Story, named
from web_panel.tables import table

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


async def test_a_report_of_hours_has_a_row_for_each_in_which_anybody_waited(house: House) -> None:
    await house.tell(Story().missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        (hour,) = (await tab.get("/api/reports/lines", params=DAY | {"interval": 60})).json()
        answered = (await tab.get("/api/reports/lines", params=DAY | {"by": "answer"})).json()
        odd = await tab.get("/api/reports/lines", params=DAY | {"interval": 7})
    assert (hour["since"], hour["until"]) == ("2030-01-07T09:00:00Z", "2030-01-07T10:00:00Z")
    assert answered == [], "she was not answered"
    assert odd.status_code == 400


async def test_reports_are_had_as_tables(house: House) -> None:
    await house.tell(Story().missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        lines = await tab.get("/api/reports/lines.csv", params=DAY)
        agents = await tab.get("/api/reports/agents.csv", params=DAY)
        missed = await tab.get("/api/reports/missed.csv", params=DAY)
    assert lines.headers["content-type"].startswith("text/csv")
    names, row = csv.reader(io.StringIO(lines.text))
    assert dict(zip(names, row, strict=True))["counts.abandoned"] == "1"
    (owed,) = csv.DictReader(io.StringIO(missed.text))
    assert (owed["counts.opened"], owed["first_try_median"]) == ("1", "")
    assert agents.text == "", "nobody worked"


async def test_a_supervisor_reads_what_agents_did_and_the_calls_behind_it(house: House) -> None:
    story = Story()
    await house.tell([*story.started("a"), story.offered("a", "1001"), story.answered("a", "1001")])
    async with await house.signed_in("supervisor") as tab:
        agents = (await tab.get("/api/reports/agents", params=DAY)).json()
        handled = (await tab.get("/api/reports/agents/handled", params=DAY)).json()
        quarter = await tab.get("/api/reports/agents", params={"since": "2030-01-01", "until": "2030-12-01"})
    assert sum(each["counts"]["handled"] for each in agents) == len(handled) == 1
    assert handled[0]["call_id"] == str(named("a"))
    assert (quarter.status_code, quarter.json()["field"]) == (400, "until")


async def test_a_supervisor_reads_how_soon_the_missed_were_called_back(house: House) -> None:
    await house.tell(Story().missed("a", "+380501112233"))
    async with await house.signed_in("supervisor") as tab:
        (figures,) = (await tab.get("/api/reports/missed", params=DAY)).json()
        (owed,) = (await tab.get("/api/reports/missed/open", params=DAY)).json()
    assert (figures["counts"]["opened"], figures["share_within_15_minutes"]) == (1, 0.0)
    assert (owed["call_id"], owed["phone"]) == (str(named("a")), "+380501112233")


@pytest.mark.parametrize("path", ["agents", "agents.csv", "agents/handled", "missed", "missed.csv", "missed/open"])
async def test_an_agent_reads_no_figures_of_others(house: House, path: str) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.get(f"/api/reports/{path}", params=DAY)).status_code == 403


def test_a_cell_that_a_spreadsheet_would_reckon_is_told_to_be_text() -> None:
    (row,) = csv.DictReader(io.StringIO(table([{"name": "=HYPERLINK(1)", "figures": {"a": 1, "b": None}}])))
    assert row == {"name": "'=HYPERLINK(1)", "figures.a": "1", "figures.b": ""}


@pytest.mark.parametrize(
    "asked",
    [
        "lines?since=2030-01-07&until=2030-01-07&by=nothing",
        "lines/offered?since=2030-01-07&until=2030-01-07&line=%00",
        "agents.csv?since=2030-01-07&until=2029-01-07",
        "agents/handled?since=2030-01-07&until=2030-06-07",
        "missed?since=yesterday&until=2030-01-07",
    ],
)
async def test_a_question_that_is_refused_keeps_no_connection(house: House, asked: str) -> None:
    async with await house.signed_in("supervisor") as tab:
        gc.disable()  # what is lost would be found again
        try:
            for _ in range(3):
                assert (await tab.get(f"/api/reports/{asked}")).status_code == 400
            assert house.services.pool.get_idle_size() == house.services.pool.get_size()
        finally:
            gc.enable()
