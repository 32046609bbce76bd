"""One request of ours to a provider outside of calls, until its final response: REGISTER and OPTIONS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pbx.endpoint import Endpoint
from pbx.net.transport import Flow
from pbx.sip.message import Request, Response
from pbx.transactions import ClientTransaction, Overloaded
from pbx.trunks.credentials import Credentials, again

MAX_PROOFS = 2  # a stale nonce may cost one more


async def ask(
    endpoint: Endpoint,
    request: Request,
    flow: Flow,
    *,
    credentials: Credentials | None,
    number: Callable[[], int],
    within: float,
) -> Response | None:
    """The final response, after the answer to a challenge of the trunk; None when nobody answers in time (seconds).

    `credentials` None: a challenge is an answer like any other. `number()` gives the CSeq of what is sent again.
    """
    for _ in range(MAX_PROOFS):
        response, source = await _once(endpoint, request, flow, within)
        if response is None or credentials is None or response.status not in (401, 407):
            return response
        proof = credentials.proof(request, response, source)
        if proof is None:
            return response
        request = again(request, proof, via=endpoint.via(flow), cseq=number())
    return (await _once(endpoint, request, flow, within))[0]


async def _once(endpoint: Endpoint, request: Request, flow: Flow, within: float) -> tuple[Response | None, Flow | None]:
    final: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()

    def responded(response: Response) -> None:
        if response.is_final and not final.done():
            final.set_result(response)

    def ended(_: object) -> None:
        if not final.done():
            final.set_result(None)

    try:
        client: ClientTransaction = endpoint.transactions.request(request, flow, on_response=responded, on_end=ended)
    except Overloaded:
        return None, None
    try:
        async with asyncio.timeout(within):
            return await final, client.answered_from
    except TimeoutError:
        endpoint.transactions.forsake(client)
        return None, None
