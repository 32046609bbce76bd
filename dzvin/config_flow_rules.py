"""What is wrong with `[[flows]]`: a flow that cannot be read is told with the file, as every key of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from callflow.flows import model
from callflow.flows.model import BadFlow
from dzvin.config_shape import Config
from dzvin.config_table import Breach

FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)


def flow_breaches(config: Config) -> Iterator[Breach]:
    for index, flow in enumerate(config.flows):
        if flow.file and flow.function:
            yield ("flows", index, "function"), "expected a file or a function, not both"
        if flow.function and not FUNCTION.fullmatch(flow.function):
            yield ("flows", index, "function"), f'expected "module:function", got "{flow.function}"'
        if flow.file and (reason := _unreadable(Path(flow.file))):
            yield ("flows", index, "file"), reason


def _unreadable(file: Path) -> str:
    try:
        model.read(file.read_bytes())
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    except BadFlow as wrong:
        return f"{file} is no flow: {wrong}"
    return ""
