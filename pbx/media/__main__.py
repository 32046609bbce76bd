"""The media worker: `python -m pbx.media --socket PATH --recordings DIR`.

It owns the RTP of its calls and outlives its core. SIGTERM (or Ctrl-C): all recordings are closed, then it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import structlog

from pbx.media import engine_control, server, worker, worker_log
from pbx.media.dtls import Certificate
from pbx.media.engine_control import EngineControl
from pbx.media.loading import is_compiled
from pbx.media.port_pool import PortPool
from pbx.media.server import Server, SocketTaken
from pbx.media.worker import Worker
from recordings.crypto import BadKeyFile, KeySource

INTERPRETED_LEGS = 200  # 100 calls
SPARE_DESCRIPTORS = 128
log = structlog.get_logger("pbx.media")


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pbx.media", description="A media worker.")
    parser.add_argument("--socket", type=Path, required=True, help="where the core connects (made with mode 0600)")
    parser.add_argument("--ports", default="40000-64999", help="UDP ports for RTP and RTCP (default: %(default)s)")
    parser.add_argument("--recordings", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--key-file", type=Path, help="master key of the recordings; without it they are not encrypted")
    parser.add_argument("--legs", type=int, default=2048, help="legs at once (default: %(default)s)")
    parser.add_argument("--ready-fd", type=int, help="one line of JSON is written there when the socket answers")
    parser.add_argument("--drop-after", type=float, default=60.0, help="seconds without a core until legs are dropped")
    parser.add_argument(
        "--orphan-after", type=float, default=600.0, help="seconds more until the worker ends; 0: never"
    )
    parser.add_argument("--silent-after", type=float, default=5.0, help="seconds without RTP that are told")
    parser.add_argument("--lost-after", type=float, default=60.0, help="seconds without RTP after which a leg is lost")
    parser.add_argument("--learn-for", type=float, default=10.0, help="seconds in which a NAT's address is learnt")
    parser.add_argument("--quarantine", type=float, default=30.0, help="seconds that a used port rests")
    parser.add_argument("--prompt-memory", type=int, default=64, help="MiB for prompts (default: %(default)s)")
    parser.add_argument("--interpreted", action="store_true", help="do not use the compiled engine (debugging)")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = arguments(argv)
    worker_log.configure()
    # The engine's thread waits for nobody, but interpreted it shares the GIL: let it have it soon.
    sys.setswitchinterval(0.001)
    try:
        keys = KeySource(options.key_file) if options.key_file else None
        asyncio.run(run(options, keys))
    except (BadKeyFile, SocketTaken, OSError, ValueError) as error:
        log.critical("media worker cannot start", reason=f"{type(error).__name__}: {error}")
        return 1
    return 0


async def run(options: argparse.Namespace, keys: KeySource | None) -> None:
    """Until a signal, or until nobody has needed the worker for a long time."""
    compiled = is_compiled() and not options.interpreted
    legs = options.legs if compiled else min(options.legs, INTERPRETED_LEGS)
    if not compiled:
        log.warning("media engine runs interpreted: slow, and for at most 100 calls", legs=legs)
    legs = _legs_for_descriptors(legs, compiled)
    first, _, last = options.ports.partition("-")
    ports = PortPool(int(first), int(last), time.monotonic, quarantine=options.quarantine)
    certificate = Certificate()
    control = EngineControl(_engine_settings(options, legs), interpreted=options.interpreted)
    door = Server(
        server.Settings(
            socket=options.socket,
            drop_after=options.drop_after,
            orphan_after=options.orphan_after,
            compiled=compiled,
            capacity=min(legs, ports.capacity),
            fingerprint=certificate.fingerprint,
        )
    )
    stopped = asyncio.Event()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go; the calls stay
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with asyncio.TaskGroup() as tasks:
        behind = Worker(control, ports, worker.Settings(options.recordings, keys, certificate), tasks, door.tell)
        behind.start()
        serving = tasks.create_task(door.serve(behind, lambda: _ready(options.ready_fd, compiled, legs)))
        serving.add_done_callback(lambda _: stopped.set())
        await stopped.wait()
        log.info("media worker stops", legs=len(behind.legs))
        await behind.shut_down()
        serving.cancel()


def _engine_settings(options: argparse.Namespace, legs: int) -> engine_control.Settings:
    return engine_control.Settings(
        legs=legs,
        recordings=max(1, legs // 2),
        rooms=max(1, legs // 2),
        prompt_octets=options.prompt_memory * 1024 * 1024,
        silent_after=options.silent_after,
        lost_after=options.lost_after,
        learn_for=options.learn_for,
    )


def _legs_for_descriptors(legs: int, compiled: bool) -> int:
    """Take as many descriptors as the system gives; fewer legs when it does not give enough."""
    per_leg = 2 if compiled else 3  # the interpreted engine works on a double of each RTP socket
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = per_leg * legs + legs // 2 + SPARE_DESCRIPTORS  # a file for each recorded call
    if soft < wanted and hard != soft:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    possible = int((soft - SPARE_DESCRIPTORS) / (per_leg + 0.5))
    if possible < legs:
        log.warning("the limit of open files allows fewer legs", legs=possible, limit=soft)
    return max(2, min(legs, possible))


def _ready(descriptor: int | None, compiled: bool, legs: int) -> None:
    line = json.dumps({"ready": True, "pid": os.getpid(), "compiled": compiled, "legs": legs})
    if descriptor is not None:
        with os.fdopen(descriptor, "w") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
