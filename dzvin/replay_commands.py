"""`dzvin replay` and `dzvin whatif`: what is printed, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import typer

from dzvin import replaying, replaying_day, whatif
from queue_engine.whatif.changes import CannotChange


def of_call(data: Path, call: str, *, messages: bool, as_json: bool) -> None:
    try:
        ladder = replaying.load(data, call)
    except replaying.NoTrace as missing:
        typer.echo(str(missing), err=True)
        raise typer.Exit(2) from missing
    _print(ladder, replaying.lines(ladder, messages=messages), as_json=as_json)
    if not ladder.verdict.same:
        raise typer.Exit(1)


def of_day(data: Path, day: str, *, as_json: bool) -> None:
    own_modules()
    try:
        verdict = replaying_day.replay_day(data, day)
    except replaying_day.NoDay as missing:
        typer.echo(str(missing), err=True)
        raise typer.Exit(2) from missing
    _print(verdict, replaying_day.lines(verdict), as_json=as_json)
    if not verdict.same:
        raise typer.Exit(1)
    if not verdict.sound:
        raise typer.Exit(2)


def of_change(data: Path, day: str, asked: whatif.Asked, *, as_json: bool) -> None:
    own_modules()
    try:
        answer = whatif.whatif(data, day, asked)
    except (replaying_day.NoDay, CannotChange) as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(2) from refused
    _print(answer, whatif.lines(answer), as_json=as_json)


def own_modules() -> None:
    """Strategies of one's own are found where the core finds them: beside what is installed, in this folder."""
    if "" not in sys.path:
        sys.path.insert(0, "")


def _print(found: object, lines: Iterable[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for line in lines:
        typer.echo(line)
