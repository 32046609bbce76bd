"""Flows in the core: of the configuration, of the data base, and what they ask other servers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn, cast

import pytest

from callflow.flows import model
from callflow.flows.book import FlowBook, InPython, Published
from callflow.flows.checking import NOWHERE, Surroundings
from callflow.flows.visit import Visit
from callflow.saying import Language
from crm_core.database import Pool
from crm_core.outbox import OutboxMessage
from crm_core.telephony.flows import FLOW_PUBLISHED, examine
from dzvin import flows
from dzvin.config import check, load
from dzvin.flow_webhooks import AT_ONCE, FlowWebhooks
from dzvin.voice_files import PromptFiles
from tests.support.virtual_time import virtual_time

ROOT = Path(__file__).parents[2]

SHORT = '{"start": "a", "nodes": {"a": {"verb": "hangup"}}}'
STUCK = '{"start": "a", "nodes": {"a": {"verb": "play", "prompts": ["nothing"], "next": "a"}}}'


async def night(visit: Visit) -> None:
    await visit.hangup()


def written(folder: Path, *tables: str, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text)
    file = folder / "dzvin.toml"
    file.write_text("\n".join(f"[[flows]]\n{table}" for table in tables))
    return file


def test_a_flow_is_read_from_a_file_beside_the_configuration_or_is_a_function(tmp_path: Path) -> None:
    function = f'number = "801"\nname = "Night"\nfunction = "{__name__}:night"\nlanguage = "en"'
    file = written(tmp_path, 'number = "800"\nname = "Day"\nfile = "day.json"', function, day=SHORT)
    book = flows.flow_book(load(file, {}))
    assert book.own == {
        "800": Published(flow=model.read(SHORT)),
        "801": InPython(function=night, language=Language.EN),
    }


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('file = "none.json"', "cannot be read"),
        ('file = "bad.json"', "is no flow"),
        ('function = "night"', 'expected "module:function"'),
        ('file = "day.json"\nfunction = "a:b"', "not both"),
    ],
)
def test_what_is_no_flow_is_told_with_its_key(tmp_path: Path, table: str, told: str) -> None:
    file = written(tmp_path, f'number = "800"\nname = "Day"\n{table}', day=SHORT, bad='{"start": 1}')
    (problem,) = check(file)
    assert told in problem.message
    assert problem.key.startswith("flows")


def test_a_function_that_is_not_there_hinders_no_other_flow(tmp_path: Path) -> None:
    missing = 'number = "801"\nname = "Night"\nfunction = "nowhere.at.all:night"'
    file = written(tmp_path, 'number = "800"\nname = "Day"\nfile = "day.json"', missing, day=SHORT)
    assert list(flows.flow_book(load(file, {})).own) == ["800"]


def test_a_flow_of_the_configuration_in_which_something_hinders_is_met_by_nobody() -> None:
    own = {"800": Published(flow=model.read(SHORT)), "801": Published(flow=model.read(STUCK))}
    assert list(flows.fit(own, NOWHERE)) == ["800"]


def test_what_is_published_stands_above_the_configuration_until_it_is_withdrawn() -> None:
    book = FlowBook(own={"800": Published(flow=model.read(SHORT))})
    book.publish({"800": Published(flow=model.read(STUCK), version=4), "900": Published(flow=model.read(SHORT))})
    met = book.get("800")
    assert met is not None and met.version == 4
    assert "900" in book
    book.publish({})
    met = book.get("800")
    assert met is not None and met.version == 0
    assert "900" not in book


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/slow":
            self.server.released.wait(5)  # type: ignore[attr-defined]  # ours, below
        body = json.dumps({"sum": 150, "of": asked["caller"]}).encode()
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """pytest's output is no place for it."""


@contextmanager
def a_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        server.released = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.released.set()  # type: ignore[attr-defined]
            server.shutdown()
            thread.join()


async def test_a_webhook_is_asked_and_what_is_no_answer_is_none() -> None:
    webhooks = FlowWebhooks()
    try:
        with a_server() as url:
            answer = await webhooks.post(f"{url}/debt?key=1", b'{"caller": "1001"}', 5.0)
            assert json.loads(answer or b"") == {"sum": 150, "of": "1001"}
            assert await webhooks.post(f"{url}/bad", b'{"caller": "1001"}', 5.0) is None
            assert await webhooks.post(f"{url}/slow", b'{"caller": "1001"}', 0.1) is None
        assert await webhooks.post("http://127.0.0.1:1/", b"{}", 5.0) is None
        assert await webhooks.post("http://[bad/", b"{}", 5.0) is None
    finally:
        webhooks.close()


async def test_more_webhooks_at_once_than_may_be_have_failed_at_once() -> None:
    webhooks = FlowWebhooks(_asked=AT_ONCE)
    try:
        assert await webhooks.post("http://127.0.0.1:1/", b"{}", 5.0) is None
    finally:
        webhooks.close()


class Away:
    """A data base that is not there."""

    def __init__(self) -> None:
        self.asked = 0

    async def acquire(self, timeout: float) -> NoReturn:
        self.asked += 1
        raise ConnectionRefusedError


@virtual_time
async def test_while_the_data_base_is_away_callers_meet_what_was_published_last() -> None:
    book, pool = FlowBook(), Away()
    book.publish({"800": Published(flow=model.read(SHORT), version=3)})
    keeper = flows.FlowKeeper(cast(Pool, pool), book)
    running = asyncio.create_task(keeper.run())
    keeper.on_outbox(OutboxMessage(1, FLOW_PUBLISHED, {"number": "800"}))
    await asyncio.sleep(10)
    running.cancel()
    await asyncio.wait([running])
    assert pool.asked >= 4  # it is asked again and again
    assert book.versions == {"800": 3}


def test_the_example_is_right_with_the_prompts_that_are_shipped(tmp_path: Path) -> None:
    shipped = PromptFiles(tmp_path, "uk")
    around = Surroundings(
        prompt=lambda name: 1.0 if shipped.path(name) else None,
        line={"7000": 300.0}.get,
        is_flow=lambda number: False,
        is_dialled=lambda number: number == "1002",
    )
    example = model.read((ROOT / "examples" / "flow.json").read_bytes())
    assert examine("8100", example, around) == []


def test_the_keeper_looks_when_a_flow_was_published_and_at_nothing_else() -> None:
    keeper = flows.FlowKeeper(None, FlowBook())  # type: ignore[arg-type]  # it asks nothing here
    keeper.on_outbox(OutboxMessage(1, "event.created", {}))
    assert not keeper._changed.is_set()
    keeper.on_outbox(OutboxMessage(2, FLOW_PUBLISHED, {"number": "800"}))
    assert keeper._changed.is_set()
