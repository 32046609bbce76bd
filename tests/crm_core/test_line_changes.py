"""Lines and agents' skills as people change them."""

from __future__ import annotations

import msgspec
import pytest

from callflow.line_book import Kept, KeptSkills
from callflow.line_settings import LineSettings, Tier
from crm_core import telephony
from crm_core.access import Forbidden
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.telephony.line_changes import SettingsChanged, change_agent, change_line, changed_lines
from tests.crm_core.company import MORNING, found_company

SALES = LineSettings(name="Sales", agents=("1003", "1002"), penalties={"1003": 2}, skills={"english": 1})


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


async def test_a_change_is_kept_audited_told_and_seen_by_rights_and_reports(
    conn: Connection, people: dict[str, User]
) -> None:
    assert await change_line(conn, people["borys"], "7000", SALES, revision=0, now=MORNING) == 1
    better = msgspec.structs.replace(SALES, name="Better", agents=("1001",), penalties={})
    assert await change_line(conn, people["borys"], "7000", better, revision=1, now=MORNING) == 2
    assert await changed_lines(conn) == ({"7000": Kept(settings=better, revision=2)}, {})
    assert [(line.name, line.agents) for line in await telephony.lines(conn)] == [("Better", ["1001"])]
    audited = await conn.fetch("SELECT user_id, detail->>'revision' AS revision FROM audit WHERE object_kind = 'line'")
    assert [(row["user_id"], row["revision"]) for row in audited] == [
        (people["borys"].id, "1"),
        (people["borys"].id, "2"),
    ]
    assert await conn.fetchval("SELECT count(*) FROM outbox WHERE kind = 'line.changed'") == 2


async def test_who_did_not_see_the_last_change_changes_nothing(conn: Connection, people: dict[str, User]) -> None:
    await change_line(conn, people["borys"], "7000", SALES, revision=0, now=MORNING)
    for revision in (0, 2):
        with pytest.raises(SettingsChanged):
            await change_line(conn, people["borys"], "7000", SALES, revision=revision, now=MORNING)
    assert await changed_lines(conn) == ({"7000": Kept(settings=SALES, revision=1)}, {})


async def test_an_agent_changes_no_line(conn: Connection, people: dict[str, User]) -> None:
    with pytest.raises(Forbidden):
        await change_line(conn, people["olena"], "7000", SALES, revision=0, now=MORNING)
    with pytest.raises(Forbidden):
        await change_agent(conn, people["olena"], "1001", {}, lines=None, own={}, revision=0, now=MORNING)


async def test_an_agent_gets_skills_and_lines_and_is_taken_out_wherever_a_line_names_them(
    conn: Connection, people: dict[str, User]
) -> None:
    tiers = (Tier(agents=("1003",), opens_after=20), Tier(agents=("1002", "1003"), opens_after=40))
    own = {"7000": msgspec.structs.replace(SALES, tiers=tiers), "7001": LineSettings(name="Night")}
    given = {"english": 3}
    assert await change_agent(
        conn, people["borys"], "1003", given, lines={"7001"}, own=own, revision=0, now=MORNING
    ) == 1  # fmt: skip
    lines, skills = await changed_lines(conn)
    assert skills == {"1003": KeptSkills(skills=given, revision=1)}
    sales, night = lines["7000"].settings, lines["7001"].settings
    assert (sales.agents, sales.penalties, sales.tiers) == (("1002",), {}, (Tier(agents=("1002",), opens_after=40),))
    assert night.agents == ("1003",)
    with pytest.raises(SettingsChanged):
        await change_agent(conn, people["borys"], "1003", {}, lines=None, own=own, revision=0, now=MORNING)
    await change_agent(conn, people["borys"], "1003", {}, lines=None, own=own, revision=1, now=MORNING)
    assert (await changed_lines(conn))[0] == lines, "the lines stay"


async def test_a_line_of_another_version_is_left_out(conn: Connection, people: dict[str, User]) -> None:
    await change_line(conn, people["borys"], "7000", SALES, revision=0, now=MORNING)
    await conn.execute("""UPDATE line_setting SET settings = '{"name": "x", "teleports": true}'""")
    assert await changed_lines(conn) == ({}, {})
