"""Texts for people, from the same files that the front end is built with (`locale/*.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

LANGUAGES = ("uk", "en", "ru")


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts of one of `LANGUAGES`."""
    path = files("web_panel") / "locale" / f"{language}.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str])


def text(key: str, language: str, **values: str) -> str:
    """The text, with `{name}` replaced by values; the key itself when there is no such text."""
    found = texts(language if language in LANGUAGES else LANGUAGES[0]).get(key, key)
    for name, value in values.items():
        found = found.replace("{" + name + "}", value)
    return found


def accepted_language(header: str, default: str) -> str:
    """The first of `LANGUAGES` that an Accept-Language header names. Weights are not compared: browsers send the
    languages in order of preference."""
    for part in header[:256].split(","):
        language = part.partition(";")[0].strip()[:2].lower()
        if language in LANGUAGES:
            return language
    return default
