"""All trunks of the installation: started and stopped together, found by name and by where a call comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import structlog

from pbx.net.transport import Flow
from pbx.trunks.probing import Probing
from pbx.trunks.registering import Registering
from pbx.trunks.trunk import Trunk, TrunkStatus

log = structlog.get_logger("pbx.trunks")

SIGN_OFF = 2.0  # seconds at most, at the end
AFTER_A_FAULT = 60.0  # seconds


class Trunks:
    def __init__(self, trunks: Iterable[Trunk] = ()) -> None:
        self._trunks = {trunk.name: trunk for trunk in trunks}
        # Most trunks are known by one address and port: found without looking at each.
        self._by_flow = {
            Flow(target.protocol, target.host, target.port): trunk
            for trunk in self._trunks.values()
            if trunk.settings.inbound and trunk.is_fixed
            for target in trunk.targets()
        }
        self._others = tuple(
            trunk
            for trunk in self._trunks.values()
            if trunk.settings.inbound and (trunk.settings.sources or not trunk.is_fixed or trunk.speaks_streams)
        )
        self._registering: list[Registering] = []
        self._tasks: list[asyncio.Task[None]] = []

    def __iter__(self) -> Iterator[Trunk]:
        return iter(self._trunks.values())

    def __len__(self) -> int:
        return len(self._trunks)

    def __getitem__(self, name: str) -> Trunk:
        return self._trunks[name]

    def statuses(self) -> tuple[TrunkStatus, ...]:
        return tuple(trunk.status for trunk in self)

    def hosts(self) -> frozenset[str]:
        return frozenset(host for trunk in self for host in trunk.hosts)

    def of(self, flow: Flow) -> Trunk | None:
        """The trunk whose calls come from there."""
        known = self._by_flow.get(flow)
        if known is not None:
            return known
        return next((trunk for trunk in self._others if trunk.is_ours(flow)), None)

    def start(self) -> None:
        """Register and probe, from now until `close`."""
        for trunk in self:
            if trunk.registration is not None:
                self._registering.append(Registering(trunk, trunk.registration))
                self._spawn(trunk, self._registering[-1].run)
            if trunk.settings.health or not trunk.is_fixed:
                self._spawn(trunk, Probing(trunk).run)

    async def close(self, within: float = SIGN_OFF) -> None:
        """Stop, and sign off from the providers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await asyncio.gather(*(registering.sign_off(within) for registering in self._registering))
        self._registering.clear()

    def _spawn(self, trunk: Trunk, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(_guarded(trunk, run), name=f"trunk {trunk.name}"))


async def _guarded(trunk: Trunk, run: Callable[[], Awaitable[None]]) -> None:
    """A fault of ours with one provider must not end the telephony of all."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("trunk failed", trunk=trunk.name)
            await asyncio.sleep(AFTER_A_FAULT)
