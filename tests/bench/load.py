"""The load: SIPp runs one of the scenarios in `sipp/` against a target."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.bench.targets import HERE, Ports, Target, wait_for_listener

USERS = 2000  # u00000 … u01999, of the acceptance configuration
HOLD = 1000  # milliseconds that a call lasts
LIMIT = 120  # seconds, then SIPp gives up


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What SIPp says of one run. `set_up`: milliseconds from each INVITE to its 200."""

    succeeded: int
    failed: int
    resent: int
    set_up: list[float] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether all went well, and hardly a message was sent twice."""
        return self.failed == 0 and self.resent <= 0.001 * 4 * self.succeeded


class Sipp:
    """A running SIPp. `finished` waits for its end."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.csv"):
            old.unlink()
        self._process = subprocess.Popen(
            ["sipp", *words, "-i", "127.0.0.1", "-nostdin", "-timeout", str(LIMIT), "-trace_stat", "-stf",
             str(folder / "statistics.csv"), "-fd", "1"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @classmethod
    def registers(cls, target: Target, folder: Path, ports: Ports, rate: int) -> Self:
        """Two thousand users, each once: REGISTER, 401, REGISTER with digest, 200."""
        users = folder / "users.txt"
        lines = (f"u{i:05d};[authentication username=u{i:05d} password=pw-u{i:05d}]" for i in range(USERS))
        users.write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")
        words = ["-sf", str(HERE / "sipp" / "register.xml"), "-inf", str(users), "-p", str(ports.phones)]
        return cls(folder / "phones", [target.sip, *words, "-r", str(rate), "-m", str(USERS), "-l", "20000"])

    @classmethod
    def calls(cls, target: Target, folder: Path, ports: Ports, rate: int, seconds: int) -> Self:
        """INVITE to BYE through the target to the callee, who answers at once."""
        words = ["-sf", str(HERE / "sipp" / "uac.xml"), "-s", "uas", "-p", str(ports.caller), "-d", str(HOLD)]
        words += ["-trace_rtt", "-rtt_freq", "1", "-l", "20000"]
        return cls(folder / "caller", [target.sip, *words, "-r", str(rate), "-m", str(rate * seconds)])

    def finished(self) -> Load:
        self._process.wait()
        with (self._folder / "statistics.csv").open() as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Load(
            succeeded=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            resent=int(last["Retransmissions(C)"]),
            set_up=sorted(self._times()),
        )

    def _times(self) -> Iterator[float]:
        for path in self._folder.glob("*_rtt.csv"):
            with path.open() as file:
                for row in csv.DictReader(file, delimiter=";"):
                    yield float(row["response_time_ms"])


@contextmanager
def callee(folder: Path, ports: Ports) -> Iterator[None]:
    """Somebody who answers every call."""
    command = ["sipp", "-sf", str(HERE / "sipp" / "uas.xml"), "-i", "127.0.0.1", "-p", str(ports.callee), "-nostdin"]
    answering = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_listener(ports.callee)
        yield
    finally:
        answering.terminate()
        answering.wait()
