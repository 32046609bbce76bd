"""A call flow as data: nodes by name, each a verb with what it needs and the exits that it has. Pure.

`read` takes JSON (`schema` says of what shape); whether the flow makes sense is for `callflow.flows.checking`. An exit
is the name of the node that comes next; one that is left out is "", which the check finds unless it may be left out.
Texts may name variables: `{caller}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from callflow.flows.calendar import Calendar
from callflow.saying import Currency, Language

NodeName = Annotated[str, Meta(pattern="^[a-z0-9_]{1,40}$")]
Exit = Annotated[str, Meta(pattern="^[a-z0-9_]{0,40}$")]
PromptName = Annotated[str, Meta(pattern="^[a-z0-9_]+(/[a-z0-9_]+)*$", max_length=100)]
VariableName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
Number = Annotated[str, Meta(pattern="^[A-Za-z0-9+*#._-]{1,40}$")]
Text = Annotated[str, Meta(max_length=500)]
Key = Annotated[str, Meta(pattern="^[0-9*#]$")]
Prompts = Annotated[list[PromptName], Meta(max_length=20)]
Wait = Annotated[float, Meta(ge=0.5, le=60.0)]  # seconds
Attempts = Annotated[int, Meta(ge=1, le=10)]

LARGEST = 256 * 1024  # bytes of a flow's JSON
MOST_NODES = 500
GIVEN = frozenset({"caller", "dialled", "key"})
"""Variables that every visit has: who calls, the number that was dialled, the key that was pressed last in a menu."""
NAMED = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class Spoken(StrEnum):
    """What `say` takes its value for."""

    NUMBER = "number"
    DIGITS = "digits"
    TIME = "time"  # HH:MM; "": now
    DURATION = "duration"  # seconds
    AMOUNT = "amount"  # "12.50"


class Comparison(StrEnum):
    """How `if` compares. `less` and `more` are of numbers: what is none is neither."""

    IS = "is"
    IS_NOT = "is_not"
    LESS = "less"
    MORE = "more"
    STARTS = "starts"
    ONE_OF = "one_of"  # value: separated by commas
    EMPTY = "empty"


class Node(msgspec.Struct, frozen=True, kw_only=True, tag_field="verb", forbid_unknown_fields=True):
    EXITS: ClassVar[tuple[str, ...]] = ("next",)
    OPTIONAL: ClassVar[frozenset[str]] = frozenset()

    def exits(self) -> Iterator[tuple[str, str]]:
        """Name of the exit, and the node to which it leads ("": none is named)."""
        for name in self.EXITS:
            yield name, getattr(self, "else_" if name == "else" else name)


class Answer(Node, frozen=True, kw_only=True, tag="answer"):
    next: Exit = ""


class Play(Node, frozen=True, kw_only=True, tag="play"):
    """A key cuts it and counts for the menu that follows, unless `barge` is false."""

    prompts: Prompts
    barge: bool = True
    next: Exit = ""


class Say(Node, frozen=True, kw_only=True, tag="say"):
    what: Spoken
    value: Text = ""
    currency: Currency = Currency.UAH
    next: Exit = ""


class Menu(Node, frozen=True, kw_only=True, tag="menu"):
    """`timeout`: nobody pressed anything, in any attempt. `wrong`: what was pressed last leads nowhere."""

    EXITS = ("timeout", "wrong")
    OPTIONAL = frozenset({"wrong"})  # then as `timeout`

    prompts: Prompts
    keys: dict[Key, NodeName]
    seconds: Wait = 5.0
    attempts: Attempts = 3
    timeout: Exit = ""
    wrong: Exit = ""

    def exits(self) -> Iterator[tuple[str, str]]:
        yield from self.keys.items()
        yield from super().exits()


class Gather(Node, frozen=True, kw_only=True, tag="gather"):
    """Digits into a variable, until there are `most`, or `#`, or silence. `timeout`: fewer than `least`, each time."""

    EXITS = ("next", "timeout")

    prompts: Prompts
    into: VariableName
    least: Annotated[int, Meta(ge=1, le=32)] = 1
    most: Annotated[int, Meta(ge=1, le=32)] = 32
    seconds: Wait = 5.0
    attempts: Attempts = 2
    next: Exit = ""
    timeout: Exit = ""


class Hours(Node, frozen=True, kw_only=True, tag="hours"):
    EXITS = ("open", "closed", "holiday")
    OPTIONAL = frozenset({"holiday"})  # then as `closed`

    calendar: Calendar
    open: Exit = ""
    closed: Exit = ""
    holiday: Exit = ""


class Enqueue(Node, frozen=True, kw_only=True, tag="enqueue"):
    """Wait in a line. When an agent answers, the flow has done its work."""

    EXITS = ("unanswered",)

    line: Number
    unanswered: Exit = ""


class Dial(Node, frozen=True, kw_only=True, tag="dial"):
    """Ring an extension, or an outside number by the usual trunks. When somebody answers, the flow is done."""

    EXITS = ("unanswered", "busy")
    OPTIONAL = frozenset({"busy"})  # then as `unanswered`

    number: Number
    seconds: Annotated[float, Meta(ge=1.0, le=300.0)] = 30.0
    unanswered: Exit = ""
    busy: Exit = ""


class Voicemail(Node, frozen=True, kw_only=True, tag="voicemail"):
    """Prompts, a tone, and a recording of what the caller says, until `#` or for `seconds`."""

    prompts: Prompts
    seconds: Annotated[float, Meta(ge=1.0, le=600.0)] = 120.0
    next: Exit = ""


class Callback(Node, frozen=True, kw_only=True, tag="callback"):
    """Offer to call back: `1` accepts. With a `line` the number is confirmed and called back out of that line; without
    one a caller who accepts is a missed contact with a follow-up."""

    EXITS = ("accepted", "declined")

    prompts: Prompts
    seconds: Wait = 5.0
    line: Annotated[str, Meta(max_length=32)] = ""
    accepted: Exit = ""
    declined: Exit = ""


class Record(Node, frozen=True, kw_only=True, tag="record"):
    """Whether the conversation that follows is recorded, whatever the rules say."""

    on: bool = True
    next: Exit = ""


class Set(Node, frozen=True, kw_only=True, tag="set"):
    variable: VariableName
    value: Text
    next: Exit = ""


class If(Node, frozen=True, kw_only=True, tag="if"):
    EXITS = ("then", "else")

    variable: VariableName
    test: Comparison = Comparison.IS
    value: Text = ""
    then: Exit = ""
    else_: Exit = msgspec.field(name="else", default="")


class Webhook(Node, frozen=True, kw_only=True, tag="webhook"):
    """POST the variables in `send` as JSON; fields of the JSON that comes back go `into` variables. `failed`: no answer
    in `seconds`, a status that is not 2xx, or not a JSON object."""

    EXITS = ("next", "failed")

    url: Annotated[str, Meta(pattern="^https?://[^\\s@]+$", max_length=500)]
    send: Annotated[list[VariableName], Meta(max_length=20)] = []
    into: Annotated[dict[VariableName, Text], Meta(max_length=20)] = {}
    seconds: Annotated[float, Meta(ge=0.1, le=10.0)] = 3.0
    next: Exit = ""
    failed: Exit = ""


class Transfer(Node, frozen=True, kw_only=True, tag="flow"):
    """On to another flow, with all variables. Nothing comes back."""

    EXITS = ()

    flow: Number


class Hangup(Node, frozen=True, kw_only=True, tag="hangup"):
    EXITS = ()


AnyNode = (
    Answer | Play | Say | Menu | Gather | Hours | Enqueue | Dial | Voicemail | Callback | Record | Set | If | Webhook
    | Transfer | Hangup
)  # fmt: skip


class Flow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=100)] = ""
    language: Language = Language.UK
    time_zone: Annotated[str, Meta(max_length=64)] = ""  # of its calendars; "": the installation's
    start: NodeName
    variables: Annotated[dict[VariableName, Text], Meta(max_length=100)] = {}  # and their first values
    nodes: Annotated[dict[NodeName, AnyNode], Meta(min_length=1, max_length=MOST_NODES)]

    def prompts(self) -> frozenset[str]:
        """All that it names."""
        return frozenset(name for node in self.nodes.values() for name in getattr(node, "prompts", ()))


class BadFlow(Exception):
    """This JSON is not of the shape of a flow."""


def read(data: bytes | str) -> Flow:
    """Raises BadFlow, with where and what was expected."""
    if len(data) > LARGEST:
        raise BadFlow(f"longer than {LARGEST} bytes")
    try:
        return msgspec.json.decode(data, type=Flow)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise BadFlow(str(wrong)) from None


def write(flow: Flow) -> bytes:
    return msgspec.json.encode(flow)


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a flow."""
    return msgspec.json.schema(Flow)


def reads(node: AnyNode) -> list[str]:
    """Variables of which it reads the values."""
    match node:
        case Say(value=text) | Set(value=text):
            return NAMED.findall(text)
        case If():
            return [node.variable, *NAMED.findall(node.value)]
        case Webhook():
            return node.send
        case _:
            return []


def filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with the values of its variables; of one that has none, nothing. At most 500 characters of each."""
    return NAMED.sub(lambda found: variables.get(found[1], "")[:500], text)
