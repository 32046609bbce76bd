"""Callbacks promised to callers who left a line: rows that follow their facts. Who is owed one at the next start, what
a supervisor sees, and the follow-up that takes the place of a broken promise."""

from __future__ import annotations

from crm_core.callbacks.projection import begin, end
from crm_core.callbacks.reading import CallbackRow, OwedCallback, owed, waiting

__all__ = ["CallbackRow", "OwedCallback", "begin", "end", "owed", "waiting"]
