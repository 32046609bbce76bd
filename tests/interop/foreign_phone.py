"""The one way to drive a foreign phone, whichever it is. `phones/` holds a driver for each program."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from tests.interop.capabilities import Capability, Digits, Sound, Transport
from tests.support import tones
from tests.support.deadlines import DEADLINE, deadline
from tests.support.message_log import MessageLog
from tests.support.network import Address
from tests.support.tones import Law

ITS = tones.NOT_IN_MUSIC  # Hz: the tone that each foreign phone speaks
STARTS_WITHIN = 30.0  # seconds: a program on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """With what a phone is started.

    server: where the product listens for that transport. authority: the file with the certificate that it shall trust
    (TLS). page: one of the panel's pages. session: seconds of the session timer that it asks for (RFC 4028).
    """

    folder: Path
    server: Address
    user: str
    password: str
    transport: Transport = Transport.UDP
    digits: Digits = Digits.EVENTS
    sound: Sound = Sound.PLAIN
    authority: Path | None = None
    page: str = ""
    session: int = 90

    def uri(self, number: str) -> str:
        host, port = self.server
        parameter = "" if self.transport is Transport.UDP else f";transport={self.transport}"
        return f"sip:{number}@{host}:{port}{parameter}"


class ForeignCall(ABC):
    """One call of a foreign phone. `digits`: the keys that the other side pressed. A phone's driver leaves out what
    its `CANNOT` names."""

    digits: list[str]

    @abstractmethod
    async def established(self) -> None:
        """Wait until it is answered."""

    @abstractmethod
    async def ended(self) -> None:
        """Wait until it is over, whoever ended it."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End it, or give up one that rings; returns when it is over."""

    async def answer(self) -> None:
        """Take an incoming call; returns when it is up."""
        raise NotImplementedError

    async def refuse(self) -> None:
        raise NotImplementedError

    async def hold(self) -> None:
        raise NotImplementedError

    async def resume(self) -> None:
        raise NotImplementedError

    async def press(self, digits: str) -> None:
        raise NotImplementedError

    async def transfer(self, number: str) -> None:
        """To somebody with whom this phone has not talked."""
        raise NotImplementedError

    async def transfer_to(self, other: ForeignCall) -> None:
        """To whom this phone talks with in that other call."""
        raise NotImplementedError


class ForeignPhone(ABC):
    """A phone that is registered. It speaks the tone `ITS` in every call."""

    NAME: ClassVar[str]
    WHERE_FROM: ClassVar[str]
    """What installs it."""
    CANNOT: ClassVar[Mapping[Capability, str]]
    """What the phone itself lacks, and why."""
    NOTES: ClassVar[Mapping[Capability, str]] = {}
    """What is to be said of what it can."""
    NOT_TRIED: ClassVar[Mapping[Capability, str]] = {}
    """What it may well be able to do, and why no test tries it."""
    TRANSPORT: ClassVar[Transport] = Transport.UDP
    """Unless a test is about another."""

    LAWS: ClassVar[tuple[Law, ...]] = (Law.ALAW, Law.ULAW)
    """The codecs that work with it."""
    DEAF_AFTER_HOLD: ClassVar[bool] = False
    """After it held, what it hears cannot be had: `receives` in place of `listen`."""

    setting: Setting
    log: MessageLog | None = None
    """What it says and hears, if its driver can see that."""

    @classmethod
    @abstractmethod
    def version(cls) -> str: ...

    @classmethod
    @abstractmethod
    def why_absent(cls) -> str | None:
        """Why it cannot run on this machine; None: it can."""

    @classmethod
    @abstractmethod
    def running(cls, setting: Setting) -> AbstractAsyncContextManager[Self]:
        """From its start, with its registration, to its end, signed off."""

    @abstractmethod
    async def dial(self, number: str) -> ForeignCall: ...

    @abstractmethod
    async def rings(self) -> ForeignCall:
        """The next call that comes in."""

    async def lose_connection(self) -> None:
        """As if the network took it away; returns when the phone is registered again."""
        raise NotImplementedError

    @abstractmethod
    async def listen(self, seconds: float) -> bytes:
        """What it hears from now on, as PCM of 8000 samples a second."""

    async def receives(self, seconds: float) -> None:
        """Wait until so much more sound has come in."""
        raise NotImplementedError


class GrowingWav:
    """A WAV file that a phone writes while it talks: 16 bits, one channel, 8000 samples a second."""

    HEADER = 44  # bytes
    LOOK_AGAIN = 0.05  # seconds
    LATE = 0.6  # seconds: what a program keeps back before it writes, and what its jitter buffer still holds

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def pcm(self) -> bytes:
        # Some programs write the header when they close the file; its place is there from the beginning.
        return self.file.read_bytes()[self.HEADER :] if self.file.exists() else b""

    async def listen(self, seconds: float) -> bytes:
        start = len(self.pcm) + _bytes(self.LATE)
        end = start + _bytes(seconds)
        told = f"{end - start} bytes in {self.file.name}"
        async with deadline(lambda: f"{told} from {start} on; it has {len(self.pcm)}", seconds + DEADLINE):
            while len(pcm := self.pcm) < end:
                await asyncio.sleep(self.LOOK_AGAIN)
        return pcm[start:end]


def _bytes(seconds: float) -> int:
    return round(seconds * tones.RATE) * 2
