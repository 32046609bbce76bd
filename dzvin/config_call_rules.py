"""What the values of `[calls]`, `[codes]` and the wishes in `[[extensions]]` may be together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from callflow.feature_codes import ALL_FORWARDING
from callflow.numbers import is_dialable
from dzvin.config_table import Breach

if TYPE_CHECKING:
    from dzvin.config_shape import Config, Extension

IsNumber = Callable[[str], bool]
CODE = re.compile(r"[*#0-9]{1,8}", re.ASCII)
SERVICE = re.compile(r"[0-9]{2,3}", re.ASCII)
DIALLED = ("pick_up", "park", "do_not_disturb_on", "do_not_disturb_off", "supervise")
PRESSED = ("record", "pause_recording", "secure_entry", "mute", "conference")
"""During a call: they share nothing with what is dialled."""
SERVICES = ("forward_always", "forward_busy", "forward_no_answer")


def call_breaches(config: Config, is_extension: IsNumber, is_target: IsNumber) -> Iterator[Breach]:
    calls = config.calls
    if calls.fallback and not is_target(calls.fallback):
        yield ("calls", "fallback"), f'"{calls.fallback}": no such number'
    for group in calls.pickup_groups:
        for number in group:
            if not is_extension(number):
                yield ("calls", "pickup_groups"), f'no extension "{number}"'
    for index, entry in enumerate(config.extensions):
        for key in SERVICES:
            if target := getattr(entry, key):
                yield from _forward(index, entry, key, target, is_target)


def _forward(index: int, entry: Extension, key: str, number: str, is_target: IsNumber) -> Iterator[Breach]:
    where = ("extensions", index, key)
    if not is_target(number) and not is_dialable(number):
        yield where, f'expected a number of ours or a telephone number, got "{number}"'
    elif number == entry.number:
        yield where, "expected another number than the extension's own"


def code_breaches(config: Config, is_target: IsNumber) -> Iterator[Breach]:
    """A dialled text means one thing: the number that is configured, or one code."""
    yield from _pressed(config)
    codes = config.codes
    meant: dict[str, str] = {}
    for key in DIALLED:
        code: str = getattr(codes, key)
        if code and not CODE.fullmatch(code):
            yield ("codes", key), f'expected at most 8 of 0 to 9, * and #, got "{code}"'
        orbits = [f"{code}{number}" for number in range(1, codes.orbits + 1)] if key == "park" and code else []
        for text in (code, *orbits):
            if text and text in meant:
                yield ("codes", key), f'"{text}" is already given to {meant[text]}'
            elif text and is_target(text):
                yield ("codes", key), f'"{text}" is already a number'
            meant[text] = key
    for text, key in meant.items():
        if key != "pick_up" and _leads_on(codes.pick_up, text, is_target):
            yield ("codes", key), f'"{text}" also picks up what rings at {text.removeprefix(codes.pick_up)}'
        if key != "supervise" and _leads_on(codes.supervise, text, is_target):
            yield ("codes", key), f'"{text}" also listens to {text.removeprefix(codes.supervise)}'
    yield from _services(config)


def _pressed(config: Config) -> Iterator[Breach]:
    given: dict[str, str] = {}
    for key in PRESSED:
        pressed: str = getattr(config.codes, key)
        if pressed and not CODE.fullmatch(pressed):
            yield ("codes", key), f'expected at most 8 of 0 to 9, * and #, got "{pressed}"'
        elif pressed and given.setdefault(pressed, key) != key:
            yield ("codes", key), f'"{pressed}" is already given to {given[pressed]}'


def _leads_on(code: str, text: str, is_target: IsNumber) -> bool:
    """Whether that is the code with one of our numbers behind it."""
    return bool(code) and text.startswith(code) and is_target(text.removeprefix(code))


def _services(config: Config) -> Iterator[Breach]:
    meant: dict[str, str] = {"": "", ALL_FORWARDING: "the end of all forwarding"}
    for key in SERVICES:
        code: str = getattr(config.codes, key)
        if code and not SERVICE.fullmatch(code):
            yield ("codes", key), f'expected 2 or 3 digits such as "21", got "{code}"'
        elif code and code in meant:
            yield ("codes", key), f'"{code}" is already given to {meant[code]}'
        meant[code] = key
