"""Reads the configuration: a TOML file, then `DZVIN_SECTION__KEY` from the environment over it.

Everything wrong with a file is found in one pass and told with the key, the line and what is expected.
The shapes are in `config_shape`, the rules between them in `config_rules`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeGuard, get_args, get_origin, get_type_hints

import msgspec

from dzvin.config_lines import line_of
from dzvin.config_rules import breaches
from dzvin.config_shape import (
    Account,
    Address,
    Calls,
    Config,
    Did,
    Extension,
    Flow,
    Http,
    Line,
    Locale,
    Log,
    Media,
    Menu,
    NumberRange,
    Service,
    Sip,
    Table,
    Tls,
    Trunk,
    Unchallenged,
    User,
)

__all__ = [
    "Account", "Address", "Calls", "Config", "ConfigError", "Did", "Extension", "Http", "Line", "Log", "Media", "Menu",
    "NumberRange", "Problem", "Service", "Sip", "Trunk", "Unchallenged", "User", "check", "load",
]  # fmt: skip

PREFIX = "DZVIN_"
DATABASE_URL = "DATABASE_URL"  # the name that hosting platforms use
SCALARS = (str, Locale)  # the types of the keys that stand in no table
Raw = dict[str, object]


@dataclass(frozen=True, slots=True)
class Problem:
    """`key` is dotted, with an index for repeated tables (`lines[0].agents`); `line` is None outside of the file."""

    key: str
    line: int | None
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.key}: {self.message}" if self.key else f"{place}{self.message}"


class ConfigError(Exception):
    """The configuration cannot be used. `problems` says everything that is wrong."""

    def __init__(self, path: Path | None, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        where = str(path) if path else "configuration"
        super().__init__("\n".join(f"{where}: {problem}" for problem in problems))


def load(path: Path | None, env: Mapping[str, str]) -> Config:
    """The configuration of `path` (None: defaults only) with overrides from `env`. Raises ConfigError."""
    reading = _Reading.of(path)
    config = reading.read(env)
    if config is None or reading.problems:
        raise ConfigError(path, reading.problems)
    return config


def problem_at(path: Path, where: tuple[str | int, ...], message: str) -> Problem:
    """Something else that is wrong with a file that can be read, at that key."""
    reading = _Reading.of(path)
    reading._problem(where, message)
    return reading.problems[-1]


def check(path: Path, env: Mapping[str, str] | None = None) -> list[Problem]:
    """Everything that is wrong with the file, in the order of the file; an empty list when it can be used."""
    reading = _Reading.of(path)
    reading.read(env or {})
    return reading.problems


@dataclass(slots=True)
class _Reading:
    """One pass over one file. A part that cannot be read is left at its default, so that the others are told too."""

    text: str = ""
    problems: list[Problem] = field(default_factory=list)
    folder: Path = field(default_factory=Path.cwd)  # where relative paths start

    @classmethod
    def of(cls, path: Path | None) -> _Reading:
        if path is None:
            return cls()
        try:
            return cls(path.read_text(encoding="utf-8"), folder=path.resolve().parent)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "expected UTF-8 text"
            return cls("", [Problem("", None, f"cannot be read: {reason}")])

    def read(self, env: Mapping[str, str]) -> Config | None:
        try:
            raw: Raw = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            place = re.search(r" \(at line (\d+), column \d+\)", str(error))
            line = int(place[1]) if place else len(self.text.splitlines())
            self.problems.append(Problem("", line, f"not valid TOML: {error}"))
            return None
        self._override(raw, env)
        hints = get_type_hints(Config)
        values = {name: self._part(name, hints[name], value) for name, value in raw.items() if name in hints}
        self._unknown(Config, (), raw)
        config = Config(**{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]  # each value was converted to its field's type
        config = msgspec.structs.replace(
            config, tls=_located(config.tls, self.folder), flows=_flows(config, self.folder)
        )
        if not self.problems:  # a part that could not be read would break rules that it does not break
            for where, message in breaches(config):
                self._problem(where, message)
        self.problems.sort(key=lambda problem: problem.line or 0)
        return config

    def _part(self, name: str, hint: type, value: object) -> object | None:
        if get_origin(hint) is not tuple:
            return self._convert((name,), hint, value)
        if not isinstance(value, list):
            self._problem((name,), f"expected tables [[{name}]]")
            return None
        item = get_args(hint)[0]
        read = [self._convert((name, index), item, element) for index, element in enumerate(value)]
        return tuple(element for element in read if element is not None)

    def _convert(self, where: tuple[str | int, ...], hint: type, value: object) -> object | None:
        if _is_table(hint) and isinstance(value, dict) and self._unknown(hint, where, value):
            return None
        try:
            converted: object = msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            message, _, at = str(error).partition(" - at `$")
            found = re.match(r"\.(\w+)", at) or re.search(r"missing required field `(\w+)`", message)
            key = (found[1],) if found else ()
            self._problem(where + key, _expectation(message, hint, found[1] if found else ""))
            return None
        return converted

    def _unknown(self, shape: type[Table], where: tuple[str | int, ...], value: Mapping[str, object]) -> bool:
        known = shape.__struct_fields__
        unknown = [name for name in value if name not in known]
        for name in unknown:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else f"; expected one of {', '.join(known)}"
            self._problem((*where, name), f"unknown key{hint}")
        return bool(unknown)

    def _override(self, raw: Raw, env: Mapping[str, str]) -> None:
        hints = get_type_hints(Config)
        if env.get(DATABASE_URL):
            env = {f"{PREFIX}DATABASE__URL": env[DATABASE_URL], **env}
        for variable in sorted(env):
            section, divided, key = variable.removeprefix(PREFIX).lower().partition("__")
            shape = hints.get(section)
            if not variable.startswith(PREFIX) or not (divided or shape in SCALARS):
                continue  # other programs' variables, and our own that are no settings
            if not divided:
                raw[section] = env[variable]
            elif shape is not None and _is_table(shape) and key in shape.__struct_fields__:
                table = raw.setdefault(section, {})
                if isinstance(table, dict):  # otherwise the file is wrong, and that is told
                    self._set(table, key, variable, env[variable], get_type_hints(shape, include_extras=True)[key])
            else:
                self.problems.append(Problem(f"{section}.{key}", None, f"unknown key, from {variable}"))

    def _set(self, table: Raw, key: str, variable: str, text: str, hint: type) -> None:
        is_list = get_origin(hint) is tuple
        value: object = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        try:
            table[key] = msgspec.to_builtins(msgspec.convert(value, hint, strict=False))
        except msgspec.ValidationError as error:
            message = str(error).partition(" - at")[0]
            self.problems.append(Problem(variable, None, message))

    def _problem(self, where: tuple[str | int, ...], message: str) -> None:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
        self.problems.append(Problem(key, line_of(self.text, where), message))


def _located(tls: Tls, folder: Path) -> Tls:
    found = {name: str(folder / file) if (file := getattr(tls, name)) else "" for name in tls.__struct_fields__}
    return Tls(**found)


def _flows(config: Config, folder: Path) -> tuple[Flow, ...]:
    return tuple(
        msgspec.structs.replace(flow, file=str(folder / flow.file)) if flow.file else flow for flow in config.flows
    )


def _is_table(hint: object) -> TypeGuard[type[Table]]:
    return isinstance(hint, type) and issubclass(hint, Table)


def _expectation(message: str, shape: type, key: str) -> str:
    """msgspec names the wrong value of a choice; a person also wants to know the right ones."""
    if not message.startswith("Invalid enum value"):
        return message
    hint = get_type_hints(shape).get(key) if key else shape
    return f"{message}, expected one of {', '.join(_choices(hint))}"


def _choices(hint: object) -> list[str]:
    if get_origin(hint) is Literal:
        return [str(choice) for choice in get_args(hint)]
    return [choice for part in get_args(hint) for choice in _choices(part)]
