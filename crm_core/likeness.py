"""What people type to find a text, as a pattern of ILIKE. Pure."""

from __future__ import annotations

import re

_APOSTROPHE = re.compile("['`\u2019\u02bc]")  # Мар'яна is written with any of them


def holding(text: str) -> str:
    """Matches what holds the text, letter by letter; any apostrophe stands for each."""
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{_APOSTROPHE.sub('_', escaped)}%"
