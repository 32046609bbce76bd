"""What is set for each user, and what becomes of it in the events of that person's calls."""

from __future__ import annotations

import pytest
from uuid_utils.compat import uuid7

from tests.web_panel.house import House
from tests.web_panel.story import Story, named


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.mark.req("R-SETTINGS-26", "R-SETTINGS-27", "R-SETTINGS-28", "R-SETTINGS-29")
async def test_an_administrator_sets_what_a_user_has(house: House) -> None:
    path = f"/api/users/{house.users['agent'].id}"
    async with await house.signed_in("admin") as tab:
        before = (await tab.get(path)).json()
        body = {"job_title": "Оператор", "phone": "050 111 22 33", "starts_phone": True, "uses_statuses": True}
        assert (await tab.put(f"{path}/parameters", json=body)).status_code == 204
        after = (await tab.get(path)).json()
        assert (await tab.get(f"/api/users/{named('nobody')}")).status_code == 404
        assert (await tab.put(f"/api/users/{named('nobody')}/parameters", json=body)).status_code == 404
    assert (before["login"], before["full_name"], before["extension"]) == ("agent", "Іван Мельник", "1002")
    assert (before["parameters"]["uses_statuses"], before["parameters"]["sees_statuses"]) == (False, False)
    assert after["parameters"] == {
        **before["parameters"], "job_title": "Оператор", "phone": "050 111 22 33", "starts_phone": True,
        "uses_statuses": True,
    }  # fmt: skip


@pytest.mark.req("R-CALL-21", "R-CALL-22", "R-CALL-23", "R-SETTINGS-30")
@pytest.mark.parametrize(("project", "unit"), [(True, True), (True, False), (False, True), (False, False)])
async def test_the_events_of_a_users_calls_get_project_and_unit_from_there(
    house: House, story: Story, project: bool, unit: bool
) -> None:
    agent = house.users["agent"].id
    home, branch, work = uuid7(), uuid7(), uuid7()
    async with house.services.pool.acquire() as conn:
        for place, name in ((home, "Київ"), (branch, "Львів")):
            await conn.execute("INSERT INTO org_unit (id, name) VALUES ($1, $2)", place, name)
        await conn.execute("INSERT INTO project (id, name) VALUES ($1, 'Підтримка')", work)
        await conn.execute("UPDATE app_user SET org_unit_id = $2 WHERE id = $1", agent, home)
    body = {
        "telephony_project_id": str(work) if project else None,
        "telephony_org_unit_id": str(branch) if unit else None,
    }
    async with await house.signed_in("admin") as tab:
        assert (await tab.put(f"/api/users/{agent}/parameters", json=body)).status_code == 204
    await house.tell(story.started("a"), story.queued("a"), story.offered("a", "1002"), story.answered("a", "1002"))
    await house.tell(story.segment_ended("a", "1002"), story.ended("a"))
    async with house.services.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT project_id, org_unit_id FROM event WHERE call_id = $1", named("a"))
    assert row is not None
    # R-CALL-23: the unit that the user belongs to stands in where both are empty.
    assert tuple(row) == (work if project else None, branch if unit else None if project else home)


@pytest.mark.parametrize("field", ["telephony_project_id", "telephony_org_unit_id"])
async def test_a_place_that_does_not_exist_is_named(house: House, field: str) -> None:
    async with await house.signed_in("admin") as tab:
        path = f"/api/users/{house.users['agent'].id}/parameters"
        answer = await tab.put(path, json={field: str(named("nowhere"))})
    assert (answer.status_code, answer.json()["field"]) == (400, field)
