"""Passwords of panel people: argon2id, always in a thread, few at a time.

One verification costs tens of megabytes and up to half a second of CPU: on the loop it would stop every call, and
without a bound a flood of sign-ins would take the machine's memory.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
MAX_LENGTH = 1024


@dataclass(slots=True)
class Passwords:
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _nobody: str | None = None

    async def hash(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self.hasher.hash, password)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """False for a wrong password. Without a hash (an unknown login) it is always False and takes as long."""
        if len(password) > MAX_LENGTH:
            return False
        async with self._places:
            if password_hash is None and self._nobody is None:
                self._nobody = await asyncio.to_thread(self.hasher.hash, "nobody")
            return await asyncio.to_thread(self._verify, password_hash or self._nobody or "", password) and (
                password_hash is not None
            )

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self.hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
