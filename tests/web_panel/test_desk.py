"""Calls, follow-ups, events and recordings over HTTP, with the real CRM behind them."""

from __future__ import annotations

import pytest

from callflow.control import Actor
from callflow.facts import Outcome, RecordingReady
from queue_engine.facts import Will
from tests.web_panel.asgi_socket import AsgiSocket, Closed
from tests.web_panel.house import House, cookie
from tests.web_panel.story import Story, named


@pytest.fixture
def story() -> Story:
    return Story()


async def talked(house: House, story: Story, call: str = "a", extension: str = "1002") -> None:
    """A call from outside that was answered and recorded."""
    await house.tell(story.started(call), story.offered(call, extension), story.answered(call, extension))
    await house.tell(story.recorded(call), story.segment_ended(call, extension), story.ended(call))
    ready = RecordingReady(
        call_id=named(call),
        recording=named(f"recording of {call}"),
        file=f"{call}.dzr",
        seconds=12.0,
        id=named(f"ready {call}"),
        at=story.at,
    )
    await house.tell(ready)


async def test_an_agent_ends_the_own_wrap_up(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.delete("/api/agents/me/wrap-up")).status_code == 204
    assert house.control.done == [("cut_wrap_up", me(house, "agent"), me(house, "agent").self)]


async def test_ready_and_paused_are_declared_for_oneself(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        assert (await tab.put("/api/agents/me", json={"will": "paused", "reason": "lunch"})).status_code == 204
        busy = await tab.put("/api/agents/me", json={"will": "busy"})
    assert house.control.done == [("declare", me(house, "agent"), me(house, "agent").self, Will.PAUSED, "lunch")]
    assert (busy.status_code, busy.json()["field"]) == (400, "will")  # busy is computed


def me(house: House, login: str) -> Actor:
    user = house.users[login]
    return Actor(user.id, user.extension, login in ("supervisor", "admin"))


async def test_a_call_is_placed_for_who_is_signed_in(house: House) -> None:
    async with await house.signed_in("agent") as tab:
        answer = await tab.post("/api/calls", json={"number": "+380501112233"})
    assert (answer.status_code, answer.json()) == (202, {"call_id": str(named("the new call"))})
    assert house.control.done == [("call", me(house, "agent"), "+380501112233", None)]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("phone_offline", 409),
        ("no_phone", 409),
        ("busy", 409),
        ("no_route", 409),
        ("forbidden", 403),
        ("unknown_call", 404),
    ],
)
async def test_why_a_command_was_refused_is_said(house: House, reason: str, status: int) -> None:
    house.control.refuse = reason
    async with await house.signed_in("agent") as tab:
        answer = await tab.delete(f"/api/calls/{named('a')}", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["error"]) == (status, reason)
    assert answer.json()["message"].endswith(".")


@pytest.mark.req("R-CALL-42", "R-PANEL-12")
async def test_a_missed_call_stands_on_the_panel_with_its_owner(house: House, story: Story) -> None:
    tab = await house.signed_in("supervisor")
    async with AsgiSocket(house.app, "/api/live", cookie=cookie(tab)) as socket:
        await socket.receive_type("snapshot")
        await house.tell(story.missed("a"))
        first = (await socket.receive_type("missed.changed"))["missed"]
        assert (first["party"]["number"], first["follow_up"]) == ("+380671234567", None)
        later = (await socket.receive_type("missed.changed"))["missed"]
        while later["follow_up"] is None:
            later = (await socket.receive_type("missed.changed"))["missed"]
    assert later["follow_up"]["owner_name"]
    assert later["event_id"]


async def test_calling_back_makes_the_follow_up_mine_first(house: House, story: Story) -> None:
    await house.tell(story.missed("a"))
    async with await house.signed_in("agent") as mine, await house.signed_in("supervisor") as other:
        (follow_up,) = (await mine.get("/api/follow-ups")).json()
        body = {"number": "+380671234567", "follow_up": follow_up["id"]}
        assert (await mine.post("/api/calls", json=body)).status_code == 202
        (claimed,) = (await mine.get("/api/follow-ups")).json()
        assert (claimed["state"], claimed["owner_name"]) == ("claimed", "Іван Мельник")
        second = await other.post("/api/calls", json=body)
        assert (second.status_code, second.json()["error"]) == (409, "already_claimed")
    assert len(house.control.done) == 1


@pytest.mark.req("R-CALL-41")
async def test_a_follow_up_is_handed_over_and_closed_with_a_result(house: House, story: Story) -> None:
    await house.tell(story.missed("a"))
    async with await house.signed_in("supervisor") as tab:
        (follow_up,) = (await tab.get("/api/follow-ups")).json()
        path = f"/api/follow-ups/{follow_up['id']}"
        colleague = next(
            person for person in (await tab.get("/api/people")).json() if person["full_name"] == "Марта Шевченко"
        )
        assert (await tab.post(f"{path}/hand-over", json={"to": colleague["id"]})).status_code == 204
        assert (await tab.get("/api/follow-ups")).json()[0]["owner_name"] == "Марта Шевченко"
        nobody = await tab.post(f"{path}/hand-over", json={"to": str(named("nobody"))})
        assert nobody.status_code == 404
        assert (await tab.post(f"{path}/close", json={"result": "Замовив рахунок"})).status_code == 204
        assert (await tab.get("/api/follow-ups")).json() == []
        again = await tab.post(f"{path}/claim")
        assert (again.status_code, again.json()["error"]) == (409, "already_closed")


async def test_a_follow_up_of_a_line_that_is_not_mine_is_not_found(house: House, story: Story) -> None:
    await house.tell(story.missed("a"))
    async with await house.signed_in("agent") as agent, await house.signed_in("colleague") as colleague:
        (follow_up,) = (await agent.get("/api/follow-ups")).json()
        assert (await colleague.get("/api/follow-ups")).json() == []
        assert (await colleague.post(f"/api/follow-ups/{follow_up['id']}/claim")).status_code == 404


@pytest.mark.req("R-CALL-38", "R-CALL-39")
async def test_the_register_has_four_kinds_and_pages(house: House, story: Story) -> None:
    await talked(house, story)
    for call, number in (("b", "+380501112233"), ("c", "0501112233"), ("d", "+380931112233")):
        await house.tell(story.missed(call, number))
    async with await house.signed_in("supervisor") as tab:

        async def rows(**wanted: str) -> list[tuple[str, int]]:
            found = (await tab.get("/api/events", params=wanted)).json()
            return [(row["type"], row["group_size"]) for row in found["rows"]]

        assert len(await rows()) == 4
        assert await rows(view="answered") == [("incoming_call", 1)]
        assert len(await rows(view="unanswered")) == 3
        assert sorted(size for _, size in await rows(view="unanswered_grouped")) == [1, 2]
        assert len(await rows(text="050 111")) == 2
        assert len(await rows(size="2", page="2")) == 2
        assert await rows(until="2030-01-06") == []
        assert len(await rows(since="2030-01-07", until="2030-01-07")) == 4
        wrong = await tab.get("/api/events", params={"view": "all"})
        assert (wrong.status_code, wrong.json()["field"]) == (400, "view")


@pytest.mark.req("R-CALL-20", "R-CALL-24")
async def test_the_agent_writes_the_content_and_finds_the_recording_on_the_card(house: House, story: Story) -> None:
    await talked(house, story)
    async with await house.signed_in("agent") as tab:
        (row,) = (await tab.get("/api/events")).json()["rows"]
        written = await tab.put(f"/api/events/{row['id']}/content", json={"content": "Питав про <b>рахунок</b>"})
        assert written.status_code == 204
        card = (await tab.get(f"/api/events/{row['id']}")).json()
    assert card["row"]["content"] == "Питав про <b>рахунок</b>"
    assert [attachment["seconds"] for attachment in card["attachments"]] == [12.0]


async def test_a_colleague_finds_neither_the_event_nor_the_recording(house: House, story: Story) -> None:
    await talked(house, story)
    async with await house.signed_in("agent") as tab:
        (row,) = (await tab.get("/api/events")).json()["rows"]
    async with await house.signed_in("colleague") as tab:
        assert (await tab.get(f"/api/events/{row['id']}")).status_code == 404
        assert (await tab.put(f"/api/events/{row['id']}/content", json={"content": "x"})).status_code == 404
        assert (await tab.get(f"/api/recordings/{row['recording_id']}")).status_code == 404
    assert house.files.exported == []


async def listenings(house: House) -> int:
    async with house.services.pool.acquire() as conn:
        count: int = await conn.fetchval("SELECT count(*) FROM audit WHERE action = 'listened'")
    return count


async def test_a_recording_is_played_by_ranges_and_one_listening_is_noted_once(house: House, story: Story) -> None:
    await talked(house, story)
    path = f"/api/recordings/{named('recording of a')}"
    async with await house.signed_in("agent") as tab:
        begun = await tab.get(path, headers={"Range": "bytes=0-"})
        assert (begun.status_code, begun.headers["content-range"]) == (206, "bytes 0-99/100")
        assert begun.headers["content-type"] == "audio/wav"
        further = await tab.get(path, headers={"Range": "bytes=90-"})
        assert further.content == begun.content[90:]
        beyond = await tab.get(path, headers={"Range": "bytes=500-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */100")
        assert await listenings(house) == 1
        whole = await tab.get(path, params={"download": "true"})
        assert whole.headers["content-disposition"].endswith('.wav"')
        assert len(whole.content) == 100
    assert await listenings(house) == 2
    assert house.files.exported == ["a.dzr"]


async def test_a_recording_is_kept_as_mp3_or_opus_too(house: House, story: Story) -> None:
    await talked(house, story)
    path = f"/api/recordings/{named('recording of a')}"
    async with await house.signed_in("agent") as tab:
        for kind, media_type, suffix in (("mp3", "audio/mpeg", ".mp3"), ("opus", "audio/ogg", ".ogg")):
            kept = await tab.get(path, params={"download": "true", "kind": kind})
            assert kept.headers["content-type"] == media_type
            assert kept.headers["content-disposition"].endswith(f'{suffix}"')
        assert (await tab.get(path, params={"kind": "exe"})).status_code == 400
    assert house.files.exported == ["a.dzr as mp3", "a.dzr as opus"]
    assert await listenings(house) == 2


async def test_a_range_from_the_middle_is_a_listening_of_its_own_when_nothing_began_before(
    house: House, story: Story
) -> None:
    await talked(house, story)
    async with await house.signed_in("agent") as tab:
        answer = await tab.get(f"/api/recordings/{named('recording of a')}", headers={"Range": "bytes=50-59"})
    assert (answer.status_code, len(answer.content)) == (206, 10)
    assert await listenings(house) == 1


async def test_a_recording_whose_file_is_gone_is_not_found(house: House, story: Story) -> None:
    await talked(house, story, "missing")
    async with await house.signed_in("agent") as tab:
        assert (await tab.get(f"/api/recordings/{named('recording of missing')}")).status_code == 404


async def test_the_live_socket_answers_a_ping_and_a_resync_and_nothing_else(house: House) -> None:
    cookies = cookie(await house.signed_in("agent"))
    async with AsgiSocket(house.app, "/api/live", cookie=cookies) as socket:
        await socket.receive_type("snapshot")
        await socket.send('{"type":"ping"}')
        assert (await socket.receive())["type"] == "pong"
        await socket.send('{"type":"resync"}')
        assert (await socket.receive())["type"] == "snapshot"
        await socket.send('{"type":"call","number":"100"}')
        with pytest.raises(Closed) as closed:
            await socket.receive_type("never")
    assert closed.value.code == 4400


async def test_one_person_has_a_bounded_number_of_sockets(house: House) -> None:
    cookies = cookie(await house.signed_in("agent"))
    sockets = [AsgiSocket(house.app, "/api/live", cookie=cookies) for _ in range(20)]
    for socket in sockets:
        await socket.__aenter__()
    async with AsgiSocket(house.app, "/api/live", cookie=cookies) as one_more:
        with pytest.raises(Closed) as closed:
            await one_more.receive()
    assert closed.value.code == 4429
    for socket in sockets:
        await socket.__aexit__(None, None, None)


async def test_with_the_database_away_the_panel_lives_on_for_who_was_signed_in(house: House, story: Story) -> None:
    cookies = cookie(await house.signed_in("supervisor"))
    async with AsgiSocket(house.app, "/api/live", cookie=cookies) as socket:
        await socket.receive_type("snapshot")
        house.services.pool.terminate()
        for fact in story.started("a"):
            house.live.on_fact(fact)
        assert (await socket.receive_type("call.changed"))["call"]["state"] == "ringing"
        async with AsgiSocket(house.app, "/api/live", cookie=cookies) as newcomer:
            assert len((await newcomer.receive_type("snapshot"))["calls"]) == 1
    async with house.visitor() as tab:
        tab.cookies.update(dict(pair.split("=", 1) for pair in cookies.split("; ")))
        answer = await tab.get("/api/events")
        assert (answer.status_code, answer.json()["error"]) == (503, "database_away")
        stranger = await tab.post("/api/session", json={"login": "agent", "password": "x"})
        assert stranger.status_code == 503
        assert (await tab.get("/health")).status_code == 200


async def test_an_unanswered_call_tells_its_outcome_at_the_end(house: House, story: Story) -> None:
    cookies = cookie(await house.signed_in("supervisor"))
    async with AsgiSocket(house.app, "/api/live", cookie=cookies) as socket:
        await house.tell(story.started("a"), story.ended("a", Outcome.BUSY))
        ended = await socket.receive_type("call.changed")
        while ended["call"]["state"] != "ended":
            ended = await socket.receive_type("call.changed")
    assert ended["call"]["outcome"] == "busy"
