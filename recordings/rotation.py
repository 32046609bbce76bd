"""Another master key: each recording's data key is wrapped anew, in place, and its sound is not touched.

The new head of a file is first written beside it (`NAME.dzr.head`, whole or not at all), then over the old one, which
is as long. However this ends, the head beside it is used again by the next attempt, so no key is ever half written.
A recording that still runs can be wrapped anew too: its writer only appends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recordings.container import Damaged, read_head
from recordings.crypto import KeyMissing, KeyRing, sync_folder
from recordings.store import SUFFIX

BESIDE = SUFFIX + ".head"


@dataclass(slots=True, kw_only=True)
class Rotation:
    """What became of the files; `refused`: path and reason."""

    wrapped: int = 0
    current: int = 0  # wrapped with the current key before
    plain: int = 0
    refused: list[tuple[Path, str]] = field(default_factory=list)


def rewrap_all(root: Path, keys: KeyRing) -> Rotation:
    """Wrap every data key below `root` with the current master key; what cannot be is left as it was, and told."""
    done = Rotation()
    for path in sorted(root.rglob(f"*{BESIDE}")):
        _finish(path)
    for path in sorted(root.rglob(f"*{SUFFIX}")):
        try:
            _rewrap(path, keys, done)
        except (Damaged, KeyMissing, OSError) as error:
            done.refused.append((path, f"{type(error).__name__}: {error}"))
    return done


def keys_in_use(root: Path) -> Iterator[str]:
    """The ids of the master keys that recordings below `root` need, one for each file. Raises OSError; what is no
    recording needs no key."""
    for path in root.rglob(f"*{SUFFIX}"):
        with path.open("rb") as file:
            try:
                head = read_head(file)
            except Damaged:
                continue
        if head.key is not None:
            yield head.key.key_id


def _rewrap(path: Path, keys: KeyRing, done: Rotation) -> None:
    with path.open("rb") as file:
        head = read_head(file)
    if head.key is None:
        done.plain += 1
        return
    if head.key.key_id == keys.current.key_id:
        done.current += 1
        return
    fresh = head.wrapped_anew(head.data_key(keys), keys.current)
    if len(fresh) != len(head.octets()):
        raise Damaged("a head of another length")
    beside = path.with_name(path.name.removesuffix(SUFFIX) + BESIDE)
    draft = beside.with_suffix(".draft")
    _write(draft, fresh, os.O_CREAT | os.O_TRUNC)
    draft.rename(beside)
    sync_folder(path.parent)
    _finish(beside)
    done.wrapped += 1


def _finish(beside: Path) -> None:
    """Put the head in its place. It is whole, since it got its name when it was."""
    path = beside.with_name(beside.name.removesuffix(BESIDE) + SUFFIX)
    if path.exists():
        _write(path, beside.read_bytes(), 0)
    beside.unlink()


def _write(path: Path, octets: bytes, flags: int) -> None:
    """From the beginning of the file on; what is behind stays."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
    try:
        if os.pwrite(descriptor, octets, 0) != len(octets):
            raise OSError(f"{path}: not written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
