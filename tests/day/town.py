"""The company of the day: blocks of six extensions, a line and its numbers each, and one provider for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

RING_TIMEOUT = 4  # seconds that an unanswered phone rings
PROVIDER = 5091  # the port of the acceptance file in whose place a run gets a free one


@dataclass(frozen=True, slots=True)
class Block:
    """What one chain of calls, one after the other, has to itself. `index`: 0 to 99."""

    index: int

    def extension(self, place: int) -> str:
        return f"3{self.index:02}{place}"

    @property
    def caller(self) -> str:
        return self.extension(1)

    @property
    def desk(self) -> str:
        return self.extension(2)

    @property
    def agents(self) -> tuple[str, str]:
        """Of the line. The first one is also whom others hand calls on to."""
        return self.extension(3), self.extension(4)

    @property
    def away(self) -> str:
        """Everything for it goes on to the first agent."""
        return self.extension(5)

    @property
    def pair(self) -> str:
        """Has two phones that ring together."""
        return self.extension(6)

    @property
    def line(self) -> str:
        return f"7{self.index:02}"

    def did(self, place: int) -> str:
        """An outside number of ours: 2 to 6 lead to that extension, 7 to the line."""
        return f"+38044{self.index:02}0000{place}"

    def customers(self) -> Iterator[str]:
        """Outside numbers that nobody else of the day has."""
        return (f"+38050{self.index:02}{number:05}" for number in count(1))


def configuration(blocks: list[Block]) -> str:
    return HEAD + "".join(_block(block) for block in blocks)


HEAD = f"""
language = "en"
region = "UA"
timezone = "Europe/Kyiv"
recordings.calls = ["lines"]
security.trusted = ["127.0.0.1"]
security.calls_at_once = 0
security.calls_per_minute = 0
security.minutes_per_day = 0
calls.ring_timeout = {RING_TIMEOUT}
calls.lines = 0
calls.recall_timeout = {RING_TIMEOUT}
calls.transfer_timeout = {RING_TIMEOUT}
media.workers = 1

[[users]]
login = "admin"
full_name = "Administrator"
role = "admin"
password = "admin-pass-1"

[[trunks]]
name = "city"
address = "127.0.0.1:{PROVIDER}"
health = false
prefixes = ["+380"]
"""


def _block(block: Block) -> str:
    first, second = block.agents
    extensions = "".join(_extension(block, place) for place in range(1, 7))
    ways = {**{place: block.extension(place) for place in range(2, 7)}, 7: block.line}
    dids = "".join(
        f'[[dids]]\nnumber = "{block.did(place)}"\nto = "{to}"\ntrunk = "city"\n' for place, to in ways.items()
    )
    line = f'[[lines]]\nnumber = "{block.line}"\nname = "Line {block.index}"\nagents = ["{first}", "{second}"]\n'
    user = f'[[users]]\nlogin = "desk{block.index:02}"\nfull_name = "Desk {block.index}"\nextension = "{block.desk}"\n'
    return extensions + user + line + dids


def _extension(block: Block, place: int) -> str:
    number = block.extension(place)
    forward = f'forward_always = "{block.agents[0]}"\n' if number == block.away else ""
    return f'[[extensions]]\nnumber = "{number}"\npassword = "{password(number)}"\n{forward}'


def password(extension: str) -> str:
    return f"day-{extension}"
