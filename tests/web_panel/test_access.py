"""Every route names who may call it, and lets nobody else in: each route × each kind of person."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler

from tests.web_panel.asgi_socket import AsgiSocket, Closed
from tests.web_panel.house import House, cookie
from tests.web_panel.story import named
from web_panel.auth import Rule

PEOPLE = ("anonymous", "agent", "supervisor", "admin", "hall")
EVERYBODY = frozenset(PEOPLE)
SIGNED_IN = EVERYBODY - {"anonymous"}
DESK = frozenset({"agent", "supervisor", "admin"})
RECEPTION = frozenset({"supervisor", "admin", "hall"})
ADMIN = frozenset({"admin"})

# Who is let in. A route that is not here fails a test below.
EXPECTED: dict[tuple[str, str], frozenset[str]] = {
    ("POST", "/api/session"): EVERYBODY,
    ("GET", "/api/session"): SIGNED_IN,
    ("DELETE", "/api/session"): SIGNED_IN,
    ("PUT", "/api/session/language"): SIGNED_IN,
    ("POST", "/api/calls"): DESK,
    ("DELETE", "/api/calls/{call_id:uuid}"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/transfer"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/consult"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/complete"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/take-back"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/swap"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/conference"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/invite"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/supervise"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/calls/{call_id:uuid}/supervise"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/calls/{call_id:uuid}/take-over"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/calls/{call_id:uuid}/hold"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/resume"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/park"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/recording"): DESK,
    ("POST", "/api/calls/{call_id:uuid}/pick-up"): DESK,
    ("POST", "/api/calls/pick-up"): DESK,
    ("POST", "/api/calls/retrieve"): DESK,
    ("POST", "/api/conferences/{number:str}/members/{call_id:uuid}/mute"): DESK,
    ("POST", "/api/conferences/{number:str}/members/{call_id:uuid}/unmute"): DESK,
    ("DELETE", "/api/conferences/{number:str}/members/{call_id:uuid}"): DESK,
    ("POST", "/api/conferences/{number:str}/lock"): DESK,
    ("POST", "/api/conferences/{number:str}/unlock"): DESK,
    ("POST", "/api/conferences/{number:str}/announcements"): DESK,
    ("DELETE", "/api/conferences/{number:str}"): DESK,
    ("GET", "/api/phone"): DESK,
    ("PATCH", "/api/phone"): DESK,
    ("PUT", "/api/phone/forwards/{kind:str}"): DESK,
    ("GET", "/api/calls/{call_id:uuid}/trace"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/callbacks"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/callbacks/{promise_id:uuid}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/dial-lists"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/dial-lists"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/dial-lists/{list_id:uuid}"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/dial-lists/{list_id:uuid}/open"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/dial-lists/{list_id:uuid}/close"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/dial-lists/{list_id:uuid}/entries"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/dial-lists/{list_id:uuid}/entries.csv"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/dial-lists/{list_id:uuid}/results"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/dial-lists/{list_id:uuid}/calls"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/previews/mine"): DESK,
    ("POST", "/api/previews/{entry_id:uuid}/dial"): DESK,
    ("POST", "/api/previews/{entry_id:uuid}/skip"): DESK,
    ("GET", "/api/do-not-call"): DESK,
    ("POST", "/api/do-not-call"): DESK,
    ("DELETE", "/api/do-not-call/{number:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/dispositions"): DESK,
    ("POST", "/api/dispositions"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/dispositions/of-calls/{call_id:uuid}"): DESK,
    ("GET", "/api/waiting/{call_id:uuid}/why"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/waiting/{call_id:uuid}/move"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/waiting/{call_id:uuid}/points"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/waiting/{call_id:uuid}/agent"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/waiting/{call_id:uuid}/agent"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/waiting/{call_id:uuid}/withdraw"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/waiting/lines/{number:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/lines"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/lines/{number:str}"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/lines/{number:str}"): frozenset({"supervisor", "admin"}),
    ("PATCH", "/api/lines/{number:str}"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/lines/{number:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/lines/agents/{extension:str}"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/lines/agents/{extension:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/user-statuses"): SIGNED_IN,
    ("POST", "/api/user-statuses"): ADMIN,
    ("PUT", "/api/user-statuses/{key:str}"): ADMIN,
    ("GET", "/api/waiting/agents/{extension:str}/why"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/calls/{call_id:uuid}/sound"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/calls/{call_id:uuid}/segments"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/agents/me"): SIGNED_IN,
    ("DELETE", "/api/agents/me/wrap-up"): DESK,
    ("PUT", "/api/agents/me/wrap-up"): DESK,
    ("PUT", "/api/agents/me/hand"): DESK,
    ("DELETE", "/api/agents/me/hand"): DESK,
    ("PUT", "/api/agents/{user_id:uuid}"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/agents/{user_id:uuid}/wrap-up"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/agents/{user_id:uuid}/hand"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/agents/{user_id:uuid}/statuses"): DESK,
    ("GET", "/api/people"): DESK,
    ("GET", "/api/phone/server"): SIGNED_IN,
    ("GET", "/api/events"): DESK,
    ("GET", "/api/events/{event_id:uuid}"): DESK,
    ("PUT", "/api/events/{event_id:uuid}/content"): DESK,
    ("POST", "/api/events/phone-calls"): DESK,
    ("POST", "/api/events/{event_id:uuid}/call-back"): DESK,
    ("PUT", "/api/events/{event_id:uuid}/client"): DESK,
    ("GET", "/api/clients"): DESK,
    ("GET", "/api/clients/by-phone"): DESK,
    ("GET", "/api/clients/unknown-callers"): DESK,
    ("POST", "/api/clients"): DESK,
    ("PATCH", "/api/clients/{client_id:uuid}"): DESK,
    ("GET", "/api/follow-ups"): DESK,
    ("GET", "/api/follow-ups/{follow_up_id:uuid}"): DESK,
    ("POST", "/api/follow-ups/{follow_up_id:uuid}/postpone"): DESK,
    ("POST", "/api/follow-ups/{follow_up_id:uuid}/claim"): DESK,
    ("POST", "/api/follow-ups/{follow_up_id:uuid}/hand-over"): DESK,
    ("POST", "/api/follow-ups/{follow_up_id:uuid}/close"): DESK,
    ("GET", "/api/recordings/{recording_id:uuid}"): DESK,
    ("GET", "/api/facts"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/flows"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/flows/schema"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/flows/{number:str}/draft"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/flows/{number:str}/draft"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/flows/{number:str}/validate"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/flows/{number:str}/simulate"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/flows/{number:str}/publish"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/flows/{number:str}/versions"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/flows/{number:str}/versions/{version:int}"): frozenset({"supervisor", "admin"}),
    ("POST", "/api/flows/{number:str}/roll-back"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/flows/{number:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/exports/queue-log"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/prompts"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/prompts/{name:path}"): frozenset({"supervisor", "admin"}),
    ("PUT", "/api/prompts/{name:path}"): frozenset({"supervisor", "admin"}),
    ("DELETE", "/api/prompts/{name:path}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/agents"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/agents.csv"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/agents/{count:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/lines"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/lines.csv"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/missed"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/missed.csv"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/missed/{count:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/reports/lines/{count:str}"): frozenset({"supervisor", "admin"}),
    ("GET", "/api/users/{user_id:uuid}"): ADMIN,
    ("PUT", "/api/users/{user_id:uuid}/parameters"): ADMIN,
    ("GET", "/api/webhooks"): ADMIN,
    ("POST", "/api/webhooks"): ADMIN,
    ("DELETE", "/api/webhooks/{webhook_id:uuid}"): ADMIN,
    ("POST", "/api/webhooks/{webhook_id:uuid}/resume"): ADMIN,
    ("GET", "/api/settings"): ADMIN,
    ("PUT", "/api/settings/{key:str}"): ADMIN,
    ("GET", "/api/api-keys"): ADMIN,
    ("POST", "/api/api-keys"): ADMIN,
    ("DELETE", "/api/api-keys/{key_id:uuid}"): ADMIN,
    ("GET", "/api/hall/services"): SIGNED_IN,
    ("GET", "/api/hall/tickets"): SIGNED_IN,
    ("POST", "/api/hall/tickets"): RECEPTION,
    ("POST", "/api/hall/call-next"): SIGNED_IN,
    ("POST", "/api/hall/tickets/{ticket_id:uuid}/check-in"): RECEPTION,
    ("POST", "/api/hall/tickets/{ticket_id:uuid}/serve"): SIGNED_IN,
    ("GET", "/api/public/about"): EVERYBODY,
    ("GET", "/api/public/services"): EVERYBODY,
    ("GET", "/api/public/board"): EVERYBODY,
    ("POST", "/api/public/bookings"): EVERYBODY,
    ("GET", "/health"): EVERYBODY,
    ("GET", "/metrics"): ADMIN,
    ("GET", "/"): EVERYBODY,
    ("GET", "/events"): EVERYBODY,
    ("GET", "/events/{event_id:uuid}"): EVERYBODY,
    ("GET", "/calls/{call_id:uuid}"): EVERYBODY,
    ("GET", "/hall"): EVERYBODY,
    ("GET", "/board"): EVERYBODY,
    ("GET", "/booking"): EVERYBODY,
    ("GET", "/keys"): EVERYBODY,
    ("GET", "/reports"): EVERYBODY,
    ("GET", "/lines"): EVERYBODY,
    ("GET", "/ca.pem"): EVERYBODY,
    ("GET", "/assets/{file_path:path}"): EVERYBODY,
    ("HEAD", "/assets/{file_path:path}"): EVERYBODY,
    ("GET", "/schema"): EVERYBODY,
    ("GET", "/schema/openapi.json"): EVERYBODY,
    ("GET", "/schema/{path:str}"): EVERYBODY,
    ("WEBSOCKET", "/api/live"): SIGNED_IN,
    ("WEBSOCKET", "/api/public/board/live"): EVERYBODY,
    ("WEBSOCKET", "/sip"): EVERYBODY,  # a phone proves its own password
}
BODIES: dict[str, object] = {
    "/api/users/{user_id:uuid}/parameters": {},
    "/api/webhooks": {"url": "https://crm.example/dzvin"},
    "/api/clients": {"name": "x"},
    "/api/dial-lists": {"name": "x", "line": "7000"},
    "/api/dial-lists/{list_id:uuid}": {"name": "x", "line": "7000"},
    "/api/dial-lists/{list_id:uuid}/entries": {"rows": []},
    "/api/previews/{entry_id:uuid}/skip": {"reason": "x"},
    "/api/do-not-call": {"number": "0501112233"},
    "/api/dispositions": {"key": "x", "uk": "x", "en": "x", "ru": "x", "act": "done"},
    "/api/dispositions/of-calls/{call_id:uuid}": {"disposition": "success"},
    "/api/api-keys": {"name": "x", "scopes": ["facts"]},
    "/api/events/{event_id:uuid}/client": {"client_id": str(named("nobody"))},
    "/api/settings/{key:str}": {"value": "x"},
    "/api/follow-ups/{follow_up_id:uuid}/postpone": {"until": "2031-01-07T09:30:00Z"},
    "/api/events/phone-calls": {"direction": "incoming", "phone": "0501112233"},
    "/api/events/{event_id:uuid}/call-back": {"at": "2031-01-07T09:30:00Z"},
    "/api/session/language": {"language": "en"},
    "/api/calls": {"number": "100"},
    "/api/calls/{call_id:uuid}/transfer": {"number": "100"},
    "/api/calls/{call_id:uuid}/consult": {"number": "100"},
    "/api/calls/{call_id:uuid}/invite": {"number": "100"},
    "/api/calls/{call_id:uuid}/supervise": {"mode": "listen"},
    "/api/calls/{call_id:uuid}/park": {},
    "/api/calls/{call_id:uuid}/recording": {"what": "pause"},
    "/api/calls/retrieve": {"orbit": "*701"},
    "/api/phone": {"do_not_disturb": True},
    "/api/phone/forwards/{kind:str}": {"number": "100"},
    "/api/agents/me": {"will": "ready"},
    "/api/agents/{user_id:uuid}": {"will": "ready"},
    "/api/events/{event_id:uuid}/content": {"content": "x"},
    "/api/follow-ups/{follow_up_id:uuid}/hand-over": {"to": str(named("nobody"))},
    "/api/follow-ups/{follow_up_id:uuid}/close": {"result": "x"},
    "/api/hall/tickets": {"service_code": "x"},
}


@dataclass(frozen=True)
class Entry:
    method: str
    path: str
    rule: object


def entries(app: Litestar) -> list[Entry]:
    found: list[Entry] = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", None) or [getattr(route, "route_handler", None)]:
            rule = handler.opt.get("rule") if handler else None
            if isinstance(handler, WebsocketRouteHandler):
                found.append(Entry("WEBSOCKET", route.path, rule))
            elif isinstance(handler, HTTPRouteHandler):
                # Litestar answers OPTIONS by itself with the list of methods; `enforce` lets that through.
                found.extend(Entry(method, route.path, rule) for method in handler.http_methods if method != "OPTIONS")
            else:
                found.append(Entry(str(handler), route.path, rule))
    return found


async def test_every_route_has_a_rule(house: House) -> None:
    assert [entry for entry in entries(house.app) if not isinstance(entry.rule, Rule)] == []


async def test_every_route_stands_in_the_table(house: House) -> None:
    assert {(entry.method, entry.path) for entry in entries(house.app)} == set(EXPECTED)


@pytest.mark.parametrize("person", PEOPLE)
async def test_a_route_lets_in_whom_it_names_and_nobody_else(house: House, person: str) -> None:
    wrong: list[str] = []
    for (method, path), who in EXPECTED.items():
        if method == "WEBSOCKET":
            continue
        # A new session each time: one of the routes ends it.
        house.clock.pass_by(seconds=1)
        async with house.visitor() if person == "anonymous" else await house.signed_in(person) as tab:
            answer = await tab.request(method, filled_in(path), json=BODIES.get(path))
        let_in = answer.status_code not in (401, 403)
        if path == "/api/session" and method == "POST":
            let_in = answer.status_code == 400  # without login and password
        if let_in is not (person in who):
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:100]}")
        assert answer.status_code < 500 or path in PAGES, f"{method} {path}: {answer.status_code} {answer.text}"
    assert wrong == []


PAGES = {
    "/",
    "/events",
    "/events/{event_id:uuid}",
    "/calls/{call_id:uuid}",
    "/hall",
    "/board",
    "/booking",
    "/keys",
    "/reports",
    "/lines",
}  # 503 until they are built


def filled_in(path: str) -> str:
    parts = path.split("/")
    filled = (
        str(named("nothing"))
        if ":uuid}" in part
        else "1"
        if ":int}" in part
        else "nothing"
        if part.startswith("{")
        else part
        for part in parts
    )
    return "/".join(filled)


@pytest.mark.parametrize("person", PEOPLE)
async def test_the_websockets_let_in_whom_they_name(house: House, person: str) -> None:
    cookies = "" if person == "anonymous" else cookie(await house.signed_in(person))
    for (method, path), who in EXPECTED.items():
        if method != "WEBSOCKET":
            continue
        try:
            async with AsgiSocket(house.app, path, cookie=cookies, subprotocols=("sip",)) as socket:
                await socket.receive()
                let_in = True
        except Closed:
            let_in = False
        assert let_in is (person in who), path


async def test_metrics_are_for_trusted_addresses_and_this_machine(house: House) -> None:
    for address, status in (("127.0.0.1", 200), ("192.0.2.1", 200), ("203.0.113.7", 401)):
        async with house.visitor(address=address) as tab:
            assert (await tab.get("/metrics")).status_code == status
