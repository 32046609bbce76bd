"""Prompts over REST."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callflow.flows import model
from callflow.flows.book import FlowBook, Published
from callflow.line_book import Kept, LineBook, Switch
from callflow.line_settings import LineSettings
from dzvin.prompt_library import PromptLibrary
from dzvin.voice_files import PromptFiles
from tests.support import tones
from tests.support.sounds import sound_file
from tests.web_panel.house import House
from web_panel.app import create_app
from web_panel.routes.prompts import LARGEST

SOUND = sound_file("mp3", tones.tone(600, 1.0))
NODES = '{"a": {"verb": "play", "prompts": ["greeting"], "next": "b"}, "b": {"verb": "hangup"}}'
FLOW = model.read(f'{{"start": "a", "nodes": {NODES}}}')


@pytest.fixture
def home(house: House, tmp_path: Path) -> House:
    """The house, with prompts and a flow that plays `greeting`."""
    library = PromptLibrary(tmp_path, PromptFiles(tmp_path, "uk"))
    house.services = replace(house.services, prompts=library, flows=FlowBook(own={"800": Published(flow=FLOW)}))
    house.app = create_app(house.services)
    return house


async def test_a_supervisor_uploads_hears_and_throws_away_a_prompt(home: House) -> None:
    async with await home.signed_in("supervisor") as tab:
        put = await tab.put("/api/prompts/thanks", params={"language": "uk"}, content=SOUND)
        listed = (await tab.get("/api/prompts")).json()
        heard = await tab.get("/api/prompts/thanks", params={"language": "uk"})
        elsewhere = await tab.get("/api/prompts/thanks", params={"language": "en"})
        gone = await tab.delete("/api/prompts/thanks", params={"language": "uk"})
        again = await tab.delete("/api/prompts/thanks", params={"language": "uk"})
    assert (put.status_code, put.json()["own"]) == (200, True)
    assert {"name": "thanks", "language": "uk", "own": True, "seconds": put.json()["seconds"]} in listed
    assert heard.headers["content-type"] == "audio/wav" and heard.content.startswith(b"RIFF")
    assert (elsewhere.status_code, gone.status_code, again.status_code) == (404, 204, 404)
    async with home.services.pool.acquire() as conn:
        noted = await conn.fetch("SELECT action, detail->>'name' FROM audit WHERE object_kind = 'prompt' ORDER BY at")
    assert [tuple(row) for row in noted] == [("prompt.put", "thanks"), ("prompt.removed", "thanks")]


async def test_music_has_its_own_folder(home: House) -> None:
    async with await home.signed_in("supervisor") as tab:
        assert (await tab.put("/api/prompts/music/jazz", content=SOUND)).json()["name"] == "music/jazz"
        assert (await tab.get("/api/prompts/music/jazz")).status_code == 200


async def test_what_a_flow_plays_is_not_thrown_away(home: House) -> None:
    async with await home.signed_in("supervisor") as tab:
        await tab.put("/api/prompts/greeting", content=SOUND)
        refused = await tab.delete("/api/prompts/greeting")
        await tab.put("/api/prompts/greeting", params={"language": "ru"}, content=SOUND)
        one_of_two = await tab.delete("/api/prompts/greeting")
    assert (refused.status_code, refused.json()["error"]) == (409, "prompt_in_use")
    assert one_of_two.status_code == 204


async def test_what_a_line_or_a_menu_plays_is_not_thrown_away(home: House) -> None:
    sales = Kept(settings=LineSettings(name="Sales", messages=("offers",)))
    book = LineBook(own={"7000": sales}, switches={"7000": Switch(message="outage")})
    home.services = replace(home.services, line_book=book, menu_prompts=frozenset({"office"}))
    home.app = create_app(home.services)
    async with await home.signed_in("supervisor") as tab:
        for name in ("offers", "outage", "office", "nobodys"):
            await tab.put(f"/api/prompts/{name}", content=SOUND)
        answers = {
            name: (await tab.delete(f"/api/prompts/{name}")).status_code
            for name in ("offers", "outage", "office", "nobodys")
        }
    assert answers == {"offers": 409, "outage": 409, "office": 409, "nobodys": 204}


@pytest.mark.parametrize(("language", "says"), [("uk", "Звук"), ("en", "Sound"), ("ru", "Звук")])
async def test_what_is_no_sound_is_refused_in_words(home: House, language: str, says: str) -> None:
    async with await home.signed_in("supervisor") as tab:
        refused = await tab.put("/api/prompts/thanks", content=b"GIF89a", headers={"Accept-Language": language})
    assert (refused.status_code, refused.json()["error"], refused.json()["field"]) == (400, "not_sound", "sound")
    assert refused.json()["message"].startswith(f"{says}: ")


async def test_an_upload_has_a_bound(home: House) -> None:
    async with await home.signed_in("supervisor") as tab:
        assert (await tab.put("/api/prompts/thanks", content=bytes(LARGEST + 1))).status_code == 413


@pytest.mark.parametrize("path", ["/api/prompts/..%2f..%2fetc", "/api/prompts/UPPER", "/api/prompts/a/b"])
async def test_a_path_leads_nowhere_else(home: House, path: str) -> None:
    async with await home.signed_in("supervisor") as tab:
        assert (await tab.put(path, content=SOUND)).status_code in (400, 404)
        assert (await tab.get(path)).status_code in (400, 404)


async def test_an_agent_changes_nothing_that_callers_hear(home: House) -> None:
    async with await home.signed_in("agent") as tab:
        assert (await tab.put("/api/prompts/thanks", content=SOUND)).status_code == 403
        assert (await tab.delete("/api/prompts/thanks")).status_code == 403
        assert (await tab.get("/api/prompts")).status_code == 403
