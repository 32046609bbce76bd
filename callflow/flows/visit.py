"""What a flow can do with somebody who calls: the verbs, the same for flows that are data and for flows in Python.

    async def night(visit: Visit) -> None:
        await visit.play("welcome")
        match await visit.menu(["menu"], keys="12"):
            case "1":
                await visit.enqueue("700")
        await visit.hangup()

A verb after which there is nothing more to do (`hangup`, `transfer`, an answered `enqueue` or `dial`, a caller who has
gone) does not return: it raises `Over`. So does the end of the function, which hangs up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import NoReturn, TypeAlias

from callflow.flows.calendar import Calendar, Open
from callflow.flows.model import Comparison, Spoken
from callflow.saying import Currency, Language

TIMEOUT, WRONG = "timeout", "wrong"  # what `menu` gives beside a key
UNANSWERED, BUSY = "unanswered", "busy"  # what `enqueue` and `dial` give


class Over(BaseException):
    """This visit has nothing more to do. Not an Exception: a flow's own `except Exception` must not hold it up."""


class Visit(ABC):
    """`variables` are texts. `number` is that of the flow."""

    def __init__(self, number: str, variables: Mapping[str, str], language: Language) -> None:
        self.number = number
        self.variables: dict[str, str] = {"caller": "", "dialled": "", "key": "", **variables}
        self.language = language
        self.time_zone = ""  # of its calendars and of `say`; "": the installation's

    @abstractmethod
    def enters(self, node: str) -> None:
        """A flow that is data comes to that node."""

    @abstractmethod
    def leaves(self, node: str, by: str) -> None:
        """And goes on by that exit."""

    @abstractmethod
    async def answer(self) -> None:
        """Take the call, if nobody has. Every verb that is heard does so by itself."""

    @abstractmethod
    async def play(self, *prompts: str, barge: bool = True) -> None:
        """One after the other. With `barge` a key cuts them, and counts for the next menu."""

    @abstractmethod
    async def say(self, what: Spoken, value: str, currency: Currency = Currency.UAH) -> None:
        """A number, a time, an amount, in the language of the visit. What cannot be said is passed over."""

    @abstractmethod
    async def menu(
        self, prompts: Sequence[str], keys: Collection[str], *, seconds: float = 5.0, attempts: int = 3
    ) -> str:
        """One of the keys; `timeout`; or `wrong`, when the last key pressed was none of them."""

    @abstractmethod
    async def gather(
        self,
        prompts: Sequence[str],
        *,
        least: int = 1,
        most: int = 32,
        seconds: float = 5.0,
        attempts: int = 2,
    ) -> str:
        """The digits that were pressed, `least` to `most`; "" when there were fewer."""

    @abstractmethod
    async def hours(self, calendar: Calendar) -> Open: ...

    @abstractmethod
    async def enqueue(self, line: str) -> str:
        """Returns only when no agent has answered: `unanswered`."""

    @abstractmethod
    async def dial(self, number: str, *, seconds: float = 30.0) -> str:
        """Returns only when nobody has answered: `unanswered` or `busy`."""

    @abstractmethod
    async def voicemail(self, prompts: Sequence[str], *, seconds: float = 120.0) -> None:
        """Keep what the caller says, until `#` or for so many seconds."""

    @abstractmethod
    async def callback(self, prompts: Sequence[str], *, seconds: float = 5.0, line: str = "") -> bool:
        """Whether the caller has asked to be called back; with a `line` also confirmed a number that may be called, and
        has a place there."""

    @abstractmethod
    async def record(self, on: bool) -> None:
        """Whether the conversation that follows is recorded."""

    @abstractmethod
    async def webhook(self, url: str, body: Mapping[str, str], *, seconds: float = 3.0) -> Mapping[str, str] | None:
        """The fields of the JSON object that comes back, as texts; None: it failed."""

    @abstractmethod
    async def transfer(self, flow: str) -> NoReturn:
        """On to another flow, with all variables."""

    @abstractmethod
    async def hangup(self) -> NoReturn: ...

    def set(self, variable: str, value: str) -> None:
        self.variables[variable] = value

    def test(self, variable: str, comparison: Comparison, value: str) -> bool:
        return holds(self.variables.get(variable, ""), comparison, value)


FlowFunction: TypeAlias = Callable[[Visit], Awaitable[None]]


def holds(left: str, comparison: Comparison, right: str) -> bool:
    match comparison:
        case Comparison.IS:
            return left == right
        case Comparison.IS_NOT:
            return left != right
        case Comparison.STARTS:
            return left.startswith(right)
        case Comparison.ONE_OF:
            return left in [each.strip() for each in right.split(",")]
        case Comparison.EMPTY:
            return not left
    numbers = _decimal(left), _decimal(right)
    if numbers[0] is None or numbers[1] is None:
        return False
    return numbers[0] < numbers[1] if comparison is Comparison.LESS else numbers[0] > numbers[1]


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
