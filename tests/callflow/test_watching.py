"""Who may watch whom (R-PHONE-48)."""

from __future__ import annotations

import pytest

from callflow.watching import WatchRules


@pytest.mark.parametrize(
    ("rules", "watcher", "extension", "allowed"),
    [
        (WatchRules(), "1001", "1002", True),
        (WatchRules(watchers=frozenset()), "1001", "1002", False),
        (WatchRules(watchers=frozenset({"1001"})), "1001", "1002", True),
        (WatchRules(watchers=frozenset({"1001"})), "1003", "1002", False),
        (WatchRules(hidden=frozenset({"1002"})), "1001", "1002", False),
        (WatchRules(watchers=frozenset(), hidden=frozenset({"1002"})), "1002", "1002", True),
    ],
)
def test_who_may_watch_whom(rules: WatchRules, watcher: str, extension: str, allowed: bool) -> None:
    assert rules.allow(watcher, extension) is allowed
