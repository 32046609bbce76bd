"""Which engine runs: the compiled one where there is one, else the same source interpreted."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from pbx.media.build import MODULES

if TYPE_CHECKING:
    from pbx.media.engine import Engine

FOLDER = Path(__file__).parent


def is_compiled() -> bool:
    return any((FOLDER / f"engine{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


@cache
def engine_class(*, interpreted: bool = False) -> type[Engine]:
    """The compiled engine where there is one, unless it shall be `interpreted` (for tests and debugging)."""
    if is_compiled() and not interpreted:
        module = importlib.import_module("pbx.media.engine")
    else:
        with _sources() as loaded:
            module = loaded["pbx.media.engine"]
    found: type[Engine] = module.Engine
    return found


@contextmanager
def _sources() -> Iterator[dict[str, ModuleType]]:
    """The engine's modules out of their .py files; compiled ones that were imported before are put back afterwards."""
    names = [f"pbx.media.{name}" for name in MODULES]
    before = {name: sys.modules.pop(name, None) for name in names}
    loaded: dict[str, ModuleType] = {}
    try:
        for name in names:
            path = FOLDER / f"{name.rpartition('.')[2]}.py"
            spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, str(path)))
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = loaded[name] = module
            spec.loader.exec_module(module)
        yield loaded
    finally:
        for name, old in before.items():
            sys.modules.pop(name, None)
            if old is not None:
                sys.modules[name] = old
