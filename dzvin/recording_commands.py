"""`dzvin recording` and `dzvin keys`: recordings out of an installation, and another master key for them."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from uuid import UUID

import typer

if TYPE_CHECKING:
    from dzvin.kept_recordings import KeptRecordings

recordings = typer.Typer(help="The recordings of calls.", no_args_is_help=True)
keys = typer.Typer(help="The master keys that the recordings are encrypted with.", no_args_is_help=True)

DATA = Path("data")
Data = Annotated[Path, typer.Option(help="Folder for everything that is kept: database, recordings, keys.")]
File = Annotated[Path | None, typer.Option("--config", help="TOML file; without it DATA/dzvin.toml.")]


class Format(StrEnum):
    WAV = "wav"
    MP3 = "mp3"
    OPUS = "opus"


@recordings.callback()
def _recordings() -> None:
    """Without this, a group of one command would be that command."""


@recordings.command("export")
def export(
    recording: Annotated[UUID, typer.Argument(metavar="ID", help="The id of a recording.")],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.WAV,
    output: Annotated[Path | None, typer.Option(help="Where to; else ID.FORMAT here. Never overwritten.")] = None,
    data: Data = DATA,
    file: File = None,
) -> None:
    """Write a recording as a sound file, one party a channel. Works beside a running installation, or without one."""
    from recordings.container import Damaged
    from recordings.crypto import BadKeyFile, KeyMissing
    from recordings.encode import SUFFIXES

    kept = _kept(data, file)
    target = output or Path(f"{recording}.{SUFFIXES[form.value]}")
    try:
        name = kept.find(recording)
        with target.open("xb") as out:
            try:
                summary = kept.export(name, out, form.value)
            except BaseException:
                target.unlink()
                raise
    except FileNotFoundError:
        _refuse(f"there is no recording {recording} in {kept.root}")
    except (Damaged, KeyMissing, BadKeyFile, OSError) as error:
        _refuse(f"{recording}: {error}")
    told = f"{target}: {summary.seconds:.1f} s"
    typer.echo(f"{told}, cut: {summary.reason or 'its writer was ended'}" if summary.cut else told)


@keys.callback()
def _keys() -> None:
    """Without this, a group of one command would be that command."""


@keys.command("rotate")
def rotate(
    data: Data = DATA,
    file: File = None,
    forget_old: Annotated[
        bool,
        typer.Option("--forget-old", help="Delete older keys that no recording here needs; back-ups may need them."),
    ] = False,
) -> None:
    """Make a new master key and wrap the data key of every recording with it. New recordings use it at once, those that
    run too; sound is not touched. Exit status: 1 when a recording could not be wrapped anew."""
    from recordings.crypto import BadKeyFile, add_key, drop_keys
    from recordings.rotation import keys_in_use, rewrap_all

    kept = _kept(data, file)
    try:
        ring = add_key(kept.key_file)
        done = rewrap_all(kept.root, ring)
        forgotten = drop_keys(kept.key_file, set(keys_in_use(kept.root))) if forget_old else 0
    except FileNotFoundError:
        _refuse(f"{kept.key_file} is not there: nothing was ever encrypted")
    except (BadKeyFile, OSError) as error:
        _refuse(str(error))
    plain = f", {done.plain} not encrypted" if done.plain else ""
    typer.echo(f"key {ring.current.key_id}: {done.wrapped} recordings{plain}, {forgotten} older keys forgotten")
    for path, reason in done.refused:
        typer.echo(f"{path}: {reason}", err=True)
    if done.refused:
        raise typer.Exit(1)


def _kept(data: Path, file: Path | None) -> KeptRecordings:
    from dzvin import config
    from dzvin.kept_recordings import KeptRecordings
    from dzvin.launch import configuration_file

    try:
        return KeptRecordings.of(config.load(configuration_file(data, file), os.environ), data)
    except config.ConfigError as error:
        _refuse(str(error))


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(1)
