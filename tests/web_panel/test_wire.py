"""The websocket's contract, on both of its ends."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from tests.web_panel.story import BEGIN, named
from web_panel import wire
from web_panel.live_entries import Kind
from web_panel.statuses import AgentStatus, CallState, TicketState

FRONT_END = (Path(__file__).parents[2] / "web_panel" / "frontend" / "src" / "wire.ts").read_text(encoding="utf-8")
STRUCTS = {
    name: struct
    for name, struct in vars(wire).items()
    if isinstance(struct, type) and issubclass(struct, msgspec.Struct) and not name.startswith("_")
}
FROM_SERVER = {name: struct for name, struct in STRUCTS.items() if name not in ("Resync", "Ping")}


def interfaces() -> dict[str, list[str]]:
    found = re.findall(r"export interface (\w+) \{(.*?)\n\}", FRONT_END, re.DOTALL)
    return {name: re.findall(r"^  (\w+): ", body, re.MULTILINE) for name, body in found}


@pytest.mark.parametrize("name", FROM_SERVER)
def test_the_front_end_reads_every_field_that_the_server_writes(name: str) -> None:
    struct = FROM_SERVER[name]
    tag = struct.__struct_config__.tag
    fields = [*(["type"] if tag else []), *struct.__struct_fields__]
    assert interfaces()[name] == fields
    if tag:
        assert f'type: "{tag}";' in FRONT_END


def test_the_front_end_knows_no_other_message() -> None:
    assert set(interfaces()) == set(FROM_SERVER)


@pytest.mark.parametrize(
    ("name", "values"), [("AgentStatus", AgentStatus), ("CallState", CallState), ("TicketState", TicketState)]
)
def test_the_front_end_knows_every_state(name: str, values: type[AgentStatus | CallState | TicketState]) -> None:
    line = next(line for line in FRONT_END.splitlines() if line.startswith(f"export type {name} ="))
    assert set(re.findall(r'"(\w+)"', line)) == {str(value) for value in values}


def test_a_message_says_its_type_and_number() -> None:
    message = wire.Gone(seq=7, kind="call", id=str(named("a")))
    assert msgspec.json.decode(wire.encode(message)) == {
        "type": "gone",
        "seq": 7,
        "kind": "call",
        "id": str(named("a")),
    }
    assert '"at":"2030-01-07T09:30:00Z"' in wire.encode(wire.Pong(at=BEGIN))


def test_a_change_around_an_encoded_entry_is_the_struct_that_the_contract_names() -> None:
    ticket = wire.TicketView(
        id=named("t"), number='A"1', service=named("s"), starts_at=BEGIN, booked=False, state=TicketState.WAITING,
        window=None, user_id=None,
    )  # fmt: skip
    framed = wire.changed("ticket", 5, wire.encode(ticket))
    assert framed == wire.encode(wire.TicketChanged(seq=5, ticket=ticket))
    kinds = {tag.removesuffix(".changed") for tag in re.findall(r'type: "(\w+\.changed)"', FRONT_END)}
    assert kinds == set(Kind)


@pytest.mark.parametrize("sent", ["", "{", "[]", '{"type":"snapshot"}', '{"type":"admin"}', '"ping"'])
def test_what_a_browser_may_not_say_is_refused(sent: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        wire.decode_client.decode(sent)
