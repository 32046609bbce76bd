"""The demo's people: employees' phones and a telephone company, calling each other so that the panel lives.

Started by the supervisor beside the core (`dzvin demo`). Everything here is real telephony: the phones register with
digest, speak RTP, are recorded, are missed. They call no number outside of this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path

import msgspec
import structlog

from dzvin import logs
from dzvin.config import Config, Menu, Trunk, load
from dzvin.demo_call import DemoCall
from dzvin.demo_phone import DemoPhone
from dzvin.demo_voice import Voice
from dzvin.plan import READY, Ready
from pbx.net.transport import Flow
from pbx.sip.errors import RemoteProtocolError

log = structlog.get_logger("demo")

MAX_EMPLOYEES = 12
MAX_CUSTOMERS = 4  # calls from outside at the same time
LONGEST_TALK = 45.0  # seconds
CUSTOMERS = (
    ("+380671112201", "Марія Шевченко"),
    ("+380671112202", "Андрій Лисенко"),
    ("+380501112203", "Оксана Гриценко"),
    ("+380501112204", "Богдан Ткачук"),
    ("+380931112205", "Ярина Мороз"),
    ("+380931112206", "Степан Кравець"),
    ("+380441112207", "ТОВ «Калина»"),
    ("+380321112208", "Школа № 8"),
    ("+380671112209", ""),
    ("+380501112210", "Ніна Їжак"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How people behave: chances are 0 to 1, spans are seconds, the time between calls is an average."""

    between_customers: float = 14.0
    between_colleagues: float = 50.0
    answers: float = 0.75
    declines: float = 0.1
    rings: tuple[float, float] = (1.5, 5.0)
    talks: tuple[float, float] = (6.0, LONGEST_TALK)
    patience: tuple[float, float] = (8.0, 20.0)
    listens: tuple[float, float] = (2.0, 7.0)  # to a menu, before the choice
    calls_customers: float = 0.4


class Town:
    """Everybody in the demo. `run` until cancelled, then hang up and sign off."""

    def __init__(self, config: Config, server: Flow, chance: random.Random, manners: Manners = Manners()) -> None:
        self._config, self._server, self._chance, self._manners = config, server, chance, manners
        self._prompts = Path(str(files("callflow"))) / "prompts" / config.language
        self._employees: list[DemoPhone] = []
        self._provider: DemoPhone | None = None
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                try:
                    await self._live(group)
                finally:
                    self._group = None  # who is called from now on declines
        finally:
            everybody = [*self._employees, *([self._provider] if self._provider else [])]
            await asyncio.gather(*(phone.close() for phone in everybody))

    async def _live(self, group: asyncio.TaskGroup) -> None:
        await self._settle(group)
        if self._provider is not None and self._config.dids:
            group.create_task(self._customers(group, self._provider))
        if len(self._employees) > 1:
            group.create_task(self._colleagues(group))
        await asyncio.Event().wait()

    async def _settle(self, group: asyncio.TaskGroup) -> None:
        """Give everybody a phone."""
        for extension in _employees(self._config):
            account = self._config.account(extension)
            phone = self._phone(extension, account.password if account else "")
            await phone.open()
            self._employees.append(phone)
            group.create_task(phone.stay_registered())
        trunk = _nearby_trunk(self._config)
        if trunk is not None:
            provider = self._phone(trunk.name, "")
            try:
                await provider.open(trunk.peer.port)
            except OSError as error:
                log.warning("nobody calls from outside", trunk=trunk.name, reason=str(error))
                return
            self._provider = provider

    def _phone(self, number: str, password: str) -> DemoPhone:
        voice = Voice(self._prompts, pitch=self._chance.uniform(0.85, 1.2))
        phone = DemoPhone(
            number, server=self._server, domain=self._server.host, password=password, voice=voice, chance=self._chance
        )
        phone.on_call = self._is_called
        return phone

    # ---- what they do ------------------------------------------------------------------------------------------

    async def _customers(self, group: asyncio.TaskGroup, provider: DemoPhone) -> None:
        at_once = asyncio.Semaphore(MAX_CUSTOMERS)
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._manners.between_customers))
            await at_once.acquire()
            visit = group.create_task(self._customer_calls(provider))
            visit.add_done_callback(lambda _: at_once.release())

    async def _customer_calls(self, provider: DemoPhone) -> None:
        number, name = self._chance.choice(CUSTOMERS)
        did = self._chance.choice(self._config.dids)
        menu = next((menu for menu in self._config.menus if menu.number == did.to), None)
        log.info("a customer calls", caller=number, dialled=did.number)
        await self._talk(provider.call(did.number, caller=number, name=name), menu)

    async def _colleagues(self, group: asyncio.TaskGroup) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._manners.between_colleagues))
            free = [phone for phone in self._employees if phone.is_free]
            if len(free) > 1:
                caller, called = self._chance.sample(free, 2)
                number = self._chance.choice(CUSTOMERS)[0] if self._calls_a_customer() else called.number
                log.info("a colleague calls", caller=caller.number, dialled=number)
                group.create_task(self._talk(caller.call(number)))

    def _calls_a_customer(self) -> bool:
        """Only where the way out is the provider that is played here: nobody real is ever called."""
        ways_out = [trunk for trunk in self._config.trunks if trunk.outbound and trunk.prefixes]
        here = self._provider is not None and [trunk.name for trunk in ways_out] == [self._provider.number]
        return here and self._chance.random() < self._manners.calls_customers

    async def _talk(self, call: DemoCall, menu: Menu | None = None) -> None:
        """Wait with patience, talk, hang up; the other side may do so first. Choose from a menu that answers."""
        try:
            await self._either(call, self._manners.patience)
            if call.answered.done() and not call.answered.cancelled():
                if menu is not None:
                    await self._over(call, self._manners.listens)
                    call.press(self._chance.choice(sorted(menu.keys)))
                await self._over(call, self._manners.talks)
        finally:
            call.hang_up()

    def _is_called(self, call: DemoCall) -> None:
        if self._group is None:
            call.refuse(480)
        else:
            self._group.create_task(self._be_called(call))

    async def _be_called(self, call: DemoCall) -> None:
        """Answer after some rings, decline, or let it ring."""
        fate = self._chance.random()
        try:
            await self._over(call, self._manners.rings)
            if fate < self._manners.answers:
                call.answer()
                await self._over(call, (1.0, 2 * LONGEST_TALK))
            elif fate < self._manners.answers + self._manners.declines:
                call.refuse(486)
            else:
                await asyncio.wait([call.ended])  # not the future itself: who is cancelled would cancel it too
        except RemoteProtocolError:
            call.refuse(488)  # nothing that both can speak
        finally:
            call.hang_up()

    async def _over(self, call: DemoCall, span: tuple[float, float]) -> None:
        """Return when the call has ended, or after a time of this span."""
        await asyncio.wait([call.ended], timeout=self._chance.uniform(*span))

    async def _either(self, call: DemoCall, span: tuple[float, float]) -> None:
        await asyncio.wait(
            [call.answered, call.ended], timeout=self._chance.uniform(*span), return_when=asyncio.FIRST_COMPLETED
        )


def _employees(config: Config) -> Sequence[str]:
    """People of the panel who have a phone of their own."""
    named = [user.extension for user in config.users if user.extension and config.account(user.extension)]
    return named[:MAX_EMPLOYEES]


def _nearby_trunk(config: Config) -> Trunk | None:
    """A provider whose part can be played here: an inbound trunk at this machine's own address."""
    wanted = {did.trunk for did in config.dids}
    for trunk in config.trunks:
        with suppress(ValueError):
            if trunk.inbound and ip_address(trunk.peer.host).is_loopback and (trunk.name in wanted or "" in wanted):
                return trunk
    return None


def server_of(ready: Ready) -> Flow:
    """Where phones of this machine reach the server."""
    host, _, port = ready.sip["udp"].rpartition(":")
    return Flow("UDP", "127.0.0.1" if host in ("0.0.0.0", "") else host, int(port))


async def play(config: Config, ready: Ready, chance: random.Random) -> None:
    """Run the demo until SIGTERM or SIGINT."""
    town = asyncio.ensure_future(Town(config, server_of(ready), chance).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, town.cancel)
    with suppress(asyncio.CancelledError):
        await town


def main(env: Mapping[str, str] = os.environ) -> None:
    parser = argparse.ArgumentParser(prog="dzvin.demo", description="The demo's phones; started by `dzvin demo`.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    given = parser.parse_args()
    if READY not in env:
        parser.error(f"{READY} is not set: start the demo with `dzvin demo`")
    config = load(given.config, env)
    logs.configure("demo", config.log.level, config.log.format)
    asyncio.run(play(config, msgspec.json.decode(env[READY], type=Ready), random.Random()))


if __name__ == "__main__":
    main()
