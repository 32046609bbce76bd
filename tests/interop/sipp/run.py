"""Exercise a SIP B2BUA and registrar with SIPp's phones. One line a scenario, as TAP.

    python -m tests.interop.sipp.run --server 127.0.0.1:5060 --ext 1001:pw1 --ext 1002:pw2 --ext 1003:pw3 \
        [--queue 7000] [--ivr 8000] [--only NAME] [--tag core] [--skip NAME] [--dump DIR] [--list] [--json FILE]

A is the first extension, B the second, C the third (an agent of --queue; the menu's digit 1 rings B). Exit status: 0
when every scenario that ran passed, 1 otherwise, 2 for wrong arguments. Needs sipp (Debian: sip-tester, 3.6 or later)
and, for ivr_rfc4733_digit, the right to open a raw socket.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.sipp.scenarios import CASES, Case, register
from tests.interop.sipp.side import Side
from tests.support import tones

PORTS_EACH = 10  # for one scenario, so that nothing late of it reaches the next
MEDIA_ABOVE = 2000
GRACE = 10.0  # seconds beyond a scenario's own limit
PATIENCE = 20.0  # seconds for a phone to start, or to register
UDP_SOCKETS = Path("/proc/net/udp")
COMPLAINTS = ("bort", "rror", "imeout", "nexpected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    server: str
    domain: str
    users: dict[str, tuple[str, str]]
    queue: str | None
    menu: str | None
    absent: str | None
    nobody: str
    local: str
    port: int
    logs: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    result: str  # pass, fail or skip
    why: str = ""
    seconds: float = 0.0


class Unregistered(Exception):
    """A phone that the scenario needs could not register."""


@dataclass(slots=True)
class Phones:
    """SIPp's processes in one scenario."""

    settings: Settings
    case: Case
    work: Path
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self, who: str, xml: str, *, stem: str = "", flag: str = "", seconds: float = 25
    ) -> subprocess.Popen[bytes]:
        settings, port = self.settings, self.ports[who]
        user, password = settings.users.get(who[0], settings.users["A"])
        user = "stranger" if who[0] == "X" else user
        scenario = self.work / f"{stem or who}.xml"
        scenario.write_text(xml)
        media = settings.port + MEDIA_ABOVE + (port - settings.port) * 4
        command = [
            "sipp", settings.server, "-sf", str(scenario), "-i", settings.local, "-p", str(port), "-mp", str(media),
            "-m", "1", "-l", "1", "-s", self._dialled(), "-key", "me", user, "-key", "dom", settings.domain,
            "-key", "third", settings.users["C"][0], "-au", user,
            "-ap", f"wrong-{password}" if flag == "badpass" else password,
            "-cid_str", f"%u-%p-{time.time_ns() % 10**9}", "-t", "u1", "-timeout", f"{seconds:g}s", "-timeout_error",
            "-nostdin", "-trace_err", "-error_file", f"{scenario}.err", "-trace_msg", "-message_file", f"{scenario}.msg",
            "-rtp_echo", *(["-nr"] if flag == "once" else []),
        ]  # fmt: skip
        with (self.work / f"{scenario.name}.out").open("wb") as log:
            return subprocess.Popen(
                command, cwd=self.work, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def register(self, who: str, expires: int) -> bool:
        a = Side()
        register(a, 1, expires=expires).recv(401, auth=True)
        register(a, 2, expires=expires, auth=True).recv(200)
        process = self.start(who, a.xml("register"), stem=f"register-{who}", seconds=PATIENCE)
        try:
            return process.wait(PATIENCE + GRACE) == 0
        except subprocess.TimeoutExpired:
            _kill(process)
            return False

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                _kill(process)

    def _dialled(self) -> str:
        settings, callee = self.settings, self.case.callee
        known = {
            "B": settings.users["B"][0], "queue": settings.queue, "ivr": settings.menu,
            "absent": settings.absent or settings.users["B"][0], "nobody": settings.nobody,
        }  # fmt: skip
        return known.get(callee, callee) or ""


def run(settings: Settings, name: str, number: int) -> Outcome:
    case, since = CASES[name], time.monotonic()
    if (case.callee == "queue" and not settings.queue) or (case.callee == "ivr" and not settings.menu):
        return Outcome(result="skip", why=f"no --{case.callee}")
    work = settings.logs / name
    work.mkdir(exist_ok=True)
    shutil.copy(settings.logs / "tone.ulaw", work)
    first = settings.port + number * PORTS_EACH
    phones = Phones(settings, case, work, {who: first + 2 * at for at, who in enumerate(("A", "B", "C", "B2", "X"))})
    try:
        with _registered(phones):
            why = _play(phones, name)
    except Unregistered as error:
        why = str(error)
    finally:
        phones.end()
    return Outcome(result="fail" if why else "pass", why=why, seconds=round(time.monotonic() - since, 1))


@contextmanager
def _registered(phones: Phones) -> Iterator[None]:
    """Raises Unregistered."""
    names = [{"b": "B2"}.get(who, who) for who in phones.case.register]
    done: list[str] = []
    try:
        for who in names:
            if not phones.register(who, 300):
                raise Unregistered(f"{who} could not register")
            done.append(who)
        yield
    finally:
        for who in done:
            phones.register(who, 0)


def _play(phones: Phones, name: str) -> str:
    """What went wrong, or nothing. The called sides start first."""
    case = phones.case
    parties = sorted(case.make().items(), key=lambda party: party[0][0] in "AX")
    for party, side in parties:
        who, _, flag = party.partition(":")
        phones.processes[who] = phones.start(who, side.xml(name), flag=flag, seconds=case.limit)
        if who[0] not in "AX":
            _wait_bound(phones.ports[who])
            time.sleep(0.05)
    lead = next(who for who in phones.processes if who[0] in "AX")
    failed = {who: status for who, status in _statuses(phones, lead).items() if status != 0}
    if failed:
        return f"{failed}{_complaints(phones.work)}"
    logs = {who: (phones.work / f"{who}.xml.msg") for who in phones.processes}
    return case.check({who: log.read_text(errors="replace") for who, log in logs.items()}) if case.check else ""


def _statuses(phones: Phones, lead: str) -> dict[str, int | str]:
    """Exit statuses; once the lead failed, the others get two seconds more. "stuck" for those that did not end."""
    end = time.monotonic() + phones.case.limit + GRACE
    while time.monotonic() < end and any(process.poll() is None for process in phones.processes.values()):
        if phones.processes[lead].poll() not in (None, 0):
            end = min(end, time.monotonic() + 2)
        time.sleep(0.05)
    return {who: "stuck" if process.poll() is None else process.returncode for who, process in phones.processes.items()}


def _complaints(work: Path) -> str:
    found = []
    for log in sorted(work.glob("[A-Z]*.err")):
        lines = [line.strip() for line in log.read_text(errors="replace").split("\n")]
        found += [f" {log.name[:4]}: {line[-160:]}" for line in lines if any(word in line for word in COMPLAINTS)][:1]
    return "".join(found)


def _kill(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(2)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _wait_bound(port: int, seconds: float = PATIENCE) -> None:
    """Until somebody has bound that UDP port. It is only looked at: were it tried, SIPp might meet us there."""
    end, wanted = time.monotonic() + seconds, f":{port:04X}"
    while time.monotonic() < end:
        bound = (line.split()[1] for line in UDP_SOCKETS.read_text().splitlines()[1:])
        if any(address.endswith(wanted) for address in bound):
            return
        time.sleep(0.03)


def chosen(options: argparse.Namespace) -> list[str]:
    """The names that the options ask for. Exits for one that does not exist."""
    unknown = sorted({*options.only, *options.skip} - CASES.keys())
    if unknown:
        sys.exit(f"no such scenario: {', '.join(unknown)}")
    return [
        name
        for name, case in CASES.items()
        if (not options.only or name in options.only)
        and name not in options.skip
        and (not options.tag or set(options.tag) & set(case.tags))
    ]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1:5060")
    parser.add_argument("--domain", help="SIP domain; default: the server's host")
    parser.add_argument("--ext", action="append", default=[], metavar="USER:PASSWORD")
    parser.add_argument("--queue")
    parser.add_argument("--ivr")
    parser.add_argument("--absent", help="an extension that is registered nowhere; default: B, unregistered")
    parser.add_argument("--nobody", default="5559999")
    parser.add_argument("--local-ip", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=26000, help="first local port")
    for name in ("only", "skip", "tag"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--dump", metavar="DIR", type=Path, help="write the XML and stop")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--json", metavar="FILE", type=Path)
    parser.add_argument("--logs", type=Path)
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    """Exits with status 2's kind of message when something is missing."""
    if len(options.ext) < 3:
        sys.exit("three --ext USER:PASSWORD are needed")
    if not shutil.which("sipp"):
        sys.exit("no sipp (Debian: sip-tester)")
    logs = options.logs or Path(tempfile.mkdtemp(prefix="sipp-"))
    logs.mkdir(parents=True, exist_ok=True)
    pairs = [tuple(text.split(":", 1)) for text in options.ext[:3]]
    return Settings(
        server=options.server,
        domain=options.domain or options.server.rsplit(":", 1)[0],
        users=dict(zip("ABC", pairs, strict=True)),
        queue=options.queue,
        menu=options.ivr,
        absent=options.absent,
        nobody=options.nobody,
        local=options.local_ip,
        port=options.port,
        logs=logs,
    )


def dump(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        for party, side in CASES[name].make().items():
            (folder / f"{name}.{party.partition(':')[0]}.xml").write_text(side.xml(name))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    names = chosen(options)
    if options.list:
        for name in names:
            print(f"{name:36} {','.join(CASES[name].tags):24} {CASES[name].about}")
        return 0
    if options.dump:
        dump(options.dump, names)
        return 0
    settings = settings_of(options)
    (settings.logs / "tone.ulaw").write_bytes(tones.encode(tones.tone(440), tones.Law.ULAW))
    outcomes: dict[str, Outcome] = {}
    print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        outcome = outcomes[name] = run(settings, name, number)
        mark = "not ok" if outcome.result == "fail" else "ok"
        skip = "# SKIP " if outcome.result == "skip" else ""
        print(f"{mark} {number} {name} # {outcome.seconds:.1f}s {skip}{outcome.why}", flush=True)
    if options.json:
        told = {name: {"result": it.result, "why": it.why, "seconds": it.seconds} for name, it in outcomes.items()}
        options.json.write_text(json.dumps(told, indent=1))
    results = [outcome.result for outcome in outcomes.values()]
    counts = ", ".join(f"{results.count(result)} {result}" for result in ("pass", "fail", "skip"))
    print(f"{counts}; logs: {settings.logs}")
    return 1 if "fail" in results else 0


if __name__ == "__main__":
    sys.exit(main())
