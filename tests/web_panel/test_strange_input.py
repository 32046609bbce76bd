"""No route fails at what a program or a rogue may send: what cannot be kept is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.web_panel.house import House
from tests.web_panel.story import named

DEEP = b"[" * 3000
STRANGE = ("\0", "9999-12-31", "9999-12-31T23:59:59-14:00", str(10**30), "x" * 2000)
METHODS = ("get", "put", "post", "patch", "delete")
PLAIN = {"date": "2030-01-07", "date-time": "2030-01-07T07:30:00Z", "uuid": str(named("nobody"))}


def usual(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    return PLAIN.get(schema.get("format", ""), "1" if schema.get("type") == "integer" else "7000")


def asked(path: str, parameters: list[dict[str, Any]], value: str, strange: str) -> str:
    """The address with that value for the parameter of this name and usual ones for the others."""
    query = []
    for each in parameters:
        given = quote(value if strange == each["name"] else usual(each), safe="")
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", given)
        elif each.get("required") or strange == each["name"]:
            query.append(f"{each['name']}={given}")
    return f"{path}?{'&'.join(query)}" if query else path


def addresses(path: str, parameters: list[dict[str, Any]]) -> Iterator[str]:
    for value in STRANGE:
        for each in parameters:
            yield asked(path, parameters, value, each["name"])


async def test_no_route_fails_at_strange_values(house: House) -> None:
    failed = []
    async with await house.signed_in("admin", address="192.0.2.1") as tab:
        paths = (await tab.get("/schema/openapi.json")).json()["paths"]
        for path, item in paths.items():
            for method in METHODS:
                if method not in item or path == "/api/session":
                    continue
                parameters = [each for each in item[method].get("parameters", []) if each["in"] in ("path", "query")]
                for address in dict.fromkeys(addresses(path, parameters)):
                    body: dict[str, str] | None = {} if "requestBody" in item[method] else None
                    answer = await tab.request(method.upper(), address, json=body)
                    if answer.status_code >= 500:
                        failed.append((method, address[:200]))
    assert failed == []


async def test_no_route_fails_at_a_body_that_nobody_can_read(house: House) -> None:
    sent = {"Content-Type": "application/json"}
    async with await house.signed_in("admin", address="192.0.2.1") as tab:
        paths = (await tab.get("/schema/openapi.json")).json()["paths"]
        for path, item in paths.items():
            for method in METHODS:
                if "requestBody" in item.get(method, {}) and "json" in str(item[method]["requestBody"]):
                    address = asked(path, item[method].get("parameters", []), "1", "")
                    for body in (DEEP, b"NaN", b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff", b""):
                        answer = await tab.request(method.upper(), address, content=body, headers=sent)
                        assert answer.status_code < 500, (method, address, body[:20])


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/events?since=0001-01-01", "since"),
        ("/api/events?until=9999-12-31", "until"),
        ("/api/reports/lines?since=9999-12-31&until=9999-12-31", "since"),
        ("/api/exports/queue-log?day=9999-12-31", "day"),
    ],
)
async def test_a_day_beyond_the_calendar_is_named(house: House, path: str, field: str) -> None:
    async with await house.signed_in("admin") as tab:
        answer = await tab.get(path)
    assert (answer.status_code, answer.json()["error"], answer.json().get("field")) == (400, "invalid", field)


async def test_text_that_the_data_base_cannot_hold_is_refused(house: House) -> None:
    async with await house.signed_in("admin") as tab:
        answer = await tab.get("/api/reports/lines?since=2030-01-07&until=2030-01-07&line=%00")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid")
