"""Asks a trunk's servers by OPTIONS whether they live (RFC 3261 §11)."""

from __future__ import annotations

import asyncio
import itertools
import random

from pbx.endpoint import token
from pbx.net.transport import Flow
from pbx.sip.headers import Headers
from pbx.sip.location import Target
from pbx.sip.message import Request
from pbx.sip.uri import SipUri
from pbx.trunks.asking import ask
from pbx.trunks.health import IN_TROUBLE, SUSPICIOUS
from pbx.trunks.trunk import Trunk

LOOK_AGAIN = 60.0  # seconds between looks at the name of a trunk that nobody probes


class Probing:
    """`run` keeps the verdict true; of a trunk that is not probed it only keeps the addresses fresh."""

    def __init__(self, trunk: Trunk) -> None:
        self._trunk = trunk
        self._endpoint = trunk.endpoint
        self._number = itertools.count(1).__next__
        self._draw = random.SystemRandom().uniform

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            targets = await self._trunk.locate()
            for target in targets:
                self._trunk.health_of(target)
            if not self._trunk.settings.health:
                await asyncio.sleep(LOOK_AGAIN)
                continue
            await asyncio.gather(*(self._probe(target) for target in targets))
            wait = min((self._trunk.health_of(target).probe_after() for target in targets), default=SUSPICIOUS)
            await asyncio.sleep(wait * self._draw(0.8, 1.0))

    async def _probe(self, target: Target) -> None:
        """§11: any final response says that somebody is there, also one that knows no OPTIONS or wants a password."""
        try:
            flow = await self._trunk.flow_to(target)
            response = await ask(
                self._endpoint,
                self._request(target, flow),
                flow,
                credentials=None,
                number=self._number,
                within=self._trunk.settings.patience,
            )
        except OSError:
            response = None
        if response is None or response.status in IN_TROUBLE:
            self._trunk.silent(target)
        else:
            self._trunk.heard(target)

    def _request(self, target: Target, flow: Flow) -> Request:
        uri = self._trunk.uri(None, target)
        us = SipUri(scheme="sip", user=self._trunk.settings.our_account or "dzvin", host=self._trunk.domain)
        headers = Headers()
        headers.add("Via", self._endpoint.via(flow))
        headers.add("Max-Forwards", "70")
        headers.add("From", f"<{us}>;tag={token()}")
        headers.add("To", f"<{uri}>")
        headers.add("Call-ID", self._endpoint.sip_call_id())
        headers.add("CSeq", f"{self._number()} OPTIONS")
        headers.add("Contact", self._endpoint.contact(flow, self._trunk.settings.our_account or "dzvin"))
        headers.add("Accept", "application/sdp")
        return Request("OPTIONS", str(uri), headers)
