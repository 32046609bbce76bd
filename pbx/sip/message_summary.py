"""Message waiting (RFC 3842): how many messages lie in somebody's mailbox."""

from __future__ import annotations

from dataclasses import dataclass

MEDIA_TYPE = "application/simple-message-summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Voice messages; the urgent ones are counted among the others too."""

    new: int = 0
    old: int = 0
    new_urgent: int = 0
    old_urgent: int = 0


def document(account: str, waiting: Waiting) -> bytes:
    yes = "yes" if waiting.new else "no"
    counts = f"{waiting.new}/{waiting.old} ({waiting.new_urgent}/{waiting.old_urgent})"
    return f"Messages-Waiting: {yes}\r\nMessage-Account: {account}\r\nVoice-Message: {counts}\r\n".encode()
