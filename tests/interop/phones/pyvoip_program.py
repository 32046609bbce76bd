"""pyVoIP as a foreign phone, in a process of its own: it lives in threads, and ends them when it likes.

It speaks a tone and writes what it hears into a file. Commands come as JSON lines on standard input, events go out
as JSON lines. Its audio is 8 bits unsigned; the file has 16 bits signed, after the place of a WAV header.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from pyVoIP.VoIP import CallState, VoIPPhone

FRAME = 160
HEADER = 44  # bytes in front of the samples, as a WAV file has them; nobody reads them
POLL = 0.02  # seconds; pyVoIP tells nobody when a call changes


class Call(Protocol):
    """What is used here of pyVoIP's call, which has no types."""

    state: CallState

    def answer(self) -> None: ...
    def deny(self) -> None: ...
    def hangup(self) -> None: ...
    def write_audio(self, data: bytes) -> None: ...
    def read_audio(self, length: int, blocking: bool) -> bytes: ...
    def get_dtmf(self, length: int) -> str: ...


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


def tone(frequency: float, seconds: float) -> bytes:
    return bytes(128 + round(60 * math.sin(2 * math.pi * frequency * at / 8000)) for at in range(int(seconds * 8000)))


class Phone:
    def __init__(self, given: argparse.Namespace) -> None:
        host, _, port = given.server.rpartition(":")
        self.tone = tone(given.frequency, 20)
        self.call: Call | None = None
        self.answers = threading.Event()
        self.record: Path = given.record
        self.record.write_bytes(bytes(HEADER))
        self.phone = VoIPPhone(
            host, int(port), given.user, given.password, callCallback=self.incoming, myIP="127.0.0.1",
            sipPort=given.sip, rtpPortLow=given.rtp, rtpPortHigh=given.rtp + 20,
        )  # fmt: skip
        self.commands: dict[str, Callable[[Call], None]] = {
            "answer": lambda _: self.answers.set(),
            "refuse": self.refuse,
            "hang_up": lambda call: call.hangup(),
        }

    def incoming(self, call: Call) -> None:
        self.call = call
        self.answers.clear()
        tell("incoming")
        while call.state is CallState.RINGING and not self.answers.wait(POLL):
            pass
        if self.answers.is_set():
            call.answer()
        self.talk(call)

    def refuse(self, call: Call) -> None:
        with suppress(AttributeError):  # pyVoIP 1.6.8 stops the audio that it has not begun, after it has answered 486
            call.deny()
        tell("ended")

    def dial(self, number: str) -> None:
        self.call = call = self.phone.call(number)
        threading.Thread(target=self.outgoing, args=(call,), daemon=True).start()

    def outgoing(self, call: Call) -> None:
        pause = threading.Event()
        while call.state in (CallState.DIALING, CallState.RINGING):
            pause.wait(POLL)
        self.talk(call)

    def talk(self, call: Call) -> None:
        if call.state is CallState.ANSWERED:
            tell("answered")
            call.write_audio(self.tone)
        while call.state is CallState.ANSWERED:
            self.keep(call.read_audio(FRAME, blocking=True))
            while digit := call.get_dtmf(1):
                tell("digit", digit=digit)
        tell("ended")

    def keep(self, samples: bytes) -> None:
        with self.record.open("ab") as file:
            file.write(b"".join((256 * (sample - 128)).to_bytes(2, "little", signed=True) for sample in samples))


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, kind in {
        "server": str, "user": str, "password": str, "record": Path, "sip": int, "rtp": int, "frequency": float,
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, required=True)
    given = parser.parse_args()
    phone = Phone(given)
    phone.phone.start()
    tell("registration", status=phone.phone.get_status().value)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            break
        if command["do"] == "dial":
            phone.dial(command["number"])
        elif phone.call:
            phone.commands[command["do"]](phone.call)
    phone.phone.stop()
    tell("bye")
    os._exit(0)  # some of its threads never end


if __name__ == "__main__":
    main()
