"""Keeps one registration alive, and signs off at the end."""

from __future__ import annotations

import asyncio
import itertools

import structlog

from pbx.endpoint import token
from pbx.net.transport import Flow
from pbx.sip.headers import Headers
from pbx.sip.location import Target
from pbx.sip.message import Request, Response
from pbx.sip.uri import NameAddr, SipUri
from pbx.trunks.asking import ask
from pbx.trunks.registration import Registration, State
from pbx.trunks.trunk import Trunk

log = structlog.get_logger("pbx.trunks.registering")

MAX_TRIED = 4  # servers of one provider that are asked before we wait


class Registering:
    """§10.2.4 of RFC 3261: all registrations of a UA for one address of record share a Call-ID, and number their
    requests in order."""

    def __init__(self, trunk: Trunk, registration: Registration) -> None:
        self._trunk = trunk
        self._registration = registration
        self._endpoint = trunk.endpoint
        self._sip_call_id = self._endpoint.sip_call_id()
        self._number = itertools.count(1).__next__
        self._at: Target | None = None  # who has our binding

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            wait = await self._register()
            self._trunk.judge(self._registration.status.state.value)
            await asyncio.sleep(wait)

    async def sign_off(self, within: float) -> None:
        """Remove the binding, if there is one; no longer than that (seconds)."""
        if self._at is None or self._registration.status.state is not State.REGISTERED:
            return
        try:
            await self._ask(self._at, 0, within)
        except OSError as error:
            log.info("not signed off", trunk=self._trunk.name, error=str(error))
        self._registration.ended(self._endpoint.timers.now())

    async def _register(self) -> float:
        """One round over the provider's servers. Returns the seconds until the next one."""
        # Who keeps our binding goes first, though the order of equal servers changes from look to look.
        targets = sorted(await self._trunk.locate(), key=lambda target: target != self._at)[:MAX_TRIED]
        refusal: Response | None = None
        for target in targets:
            response = await self._register_at(target)
            if response is not None and response.is_success:
                self._at = target
                contact = self._contact(await self._trunk.flow_to(target))
                return self._registration.granted(response, contact.uri, self._endpoint.timers.now())
            refusal = response or refusal
            if response is not None and response.status // 100 != 5:
                break  # an answer to who we are; a server in trouble says nothing of the next one
        now = self._endpoint.timers.now()
        if refusal is None:
            return self._registration.unanswered(now)
        log.warning("registration refused", trunk=self._trunk.name, status=refusal.status)
        return self._registration.refused(refusal, now)

    async def _register_at(self, target: Target) -> Response | None:
        """The final response, or None when nobody is there."""
        patience = self._trunk.settings.patience
        try:
            response = await self._ask(target, self._registration.expires, patience)
            if response is not None and response.status == 423 and self._registration.too_brief(response):
                response = await self._ask(target, self._registration.expires, patience)
        except OSError:
            response = None
        if response is None:
            self._trunk.silent(target)
        else:
            self._trunk.heard(target)
        return response

    async def _ask(self, target: Target, expires: int, within: float) -> Response | None:
        flow = await self._trunk.flow_to(target)
        return await ask(
            self._endpoint,
            self._request(target, flow, expires),
            flow,
            credentials=self._trunk.credentials,
            number=self._number,
            within=within,
        )

    def _request(self, target: Target, flow: Flow, expires: int) -> Request:
        # §10.2: the Request-URI "names the domain of the location service …. The "userinfo" and "@" components of the
        # SIP URI MUST NOT be present." To and From name whom it is for: here both are us.
        uri = self._trunk.uri(None, target)
        us = str(SipUri(scheme="sip", user=self._trunk.settings.our_account, host=uri.host))
        headers = Headers()
        headers.add("Via", self._endpoint.via(flow))
        headers.add("Max-Forwards", "70")
        headers.add("From", f"<{us}>;tag={token()}")
        headers.add("To", f"<{us}>")
        headers.add("Call-ID", self._sip_call_id)
        headers.add("CSeq", f"{self._number()} REGISTER")
        headers.add("Contact", str(self._contact(flow)))
        headers.add("Expires", str(expires))
        return Request("REGISTER", str(uri), headers)

    def _contact(self, flow: Flow) -> NameAddr:
        return NameAddr.parse(self._endpoint.contact(flow, self._trunk.settings.our_account))
