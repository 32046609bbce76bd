"""The house rules that a machine can check: sizes, names, nothing left open."""

from __future__ import annotations

import ast
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pbx", "callflow", "crm_core", "queue_engine", "web_panel", "recordings", "dzvin")
SOURCES = (".py", ".ts", ".tsx")
NAMELESS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "managers", "stuff"}
LONGEST_FILE, MEDIAN_FILE, LONGEST_FUNCTION = 500, 150, 40
AS_IT_CAME = Path("tests/interop/sipp")  # scenarios and their runner, shared with other projects
OPEN_ENDS = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK")  # in halves: this file is read too


def sources() -> list[Path]:
    """Files of the repository, tracked or about to be, without what is installed, generated or data."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.splitlines()]
    else:  # an unpacked archive
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not {".venv", "node_modules"} & set(path.parts)]
    ours = (name for name in names if name.suffix in SOURCES and not name.is_relative_to(AS_IT_CAME))
    return sorted(name for name in ours if (ROOT / name).is_file())


def product() -> list[Path]:
    return [name for name in sources() if name.parts[0] in PACKAGES]


def length(name: Path) -> int:
    return len((ROOT / name).read_text(encoding="utf-8").splitlines())


def functions(name: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_is_too_long() -> None:
    assert {str(name): length(name) for name in sources() if length(name) > LONGEST_FILE} == {}


def test_most_files_are_short() -> None:
    assert statistics.median(map(length, product())) <= MEDIAN_FILE


def test_no_function_is_too_long() -> None:
    python = [name for name in product() if name.suffix == ".py"]
    long = {
        f"{name}:{function}": size for name in python for function, size in functions(name) if size > LONGEST_FUNCTION
    }
    assert long == {}


def test_every_room_is_named_by_what_it_knows() -> None:
    assert [
        str(name) for name in sources() if NAMELESS & {part.lower() for part in (*name.parent.parts, name.stem)}
    ] == []


@pytest.mark.parametrize("word", OPEN_ENDS)
def test_nothing_is_left_open(word: str) -> None:
    assert [str(name) for name in sources() if word in (ROOT / name).read_text(encoding="utf-8")] == []


def test_no_trace_of_a_registry_or_a_machine() -> None:
    """Lock files with registry addresses break on other machines."""
    assert not [name for name in ("uv.lock", "poetry.lock", "Pipfile.lock") if (ROOT / name).exists()]
