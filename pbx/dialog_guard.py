"""Who may speak inside a dialog: the one with whom it was made, at the address where that was.

The tags of a dialog are 128 bits that no stranger guesses, but whoever once saw a message of it (a proxy's log, an open
Wi-Fi) knows them, and a BYE or re-INVITE from anywhere would do. So:

- From the host of the leg's flow: taken. The port may differ, since a NAT may give another one at any time.
- From elsewhere, on the leg of one of our extensions: the phone may have moved to another network (RFC 5626 §3.1), so
  it is asked for its password (RFC 3261 §22.1: any request may be challenged but ACK and CANCEL). When it answers, the
  leg moves to its new address.
- From elsewhere, on a trunk's leg: taken from any address of a trunk, since providers answer from a farm; else 403.
- CANCEL, and ACK with a body, cannot be challenged: only from the host of the flow.

What a proxy between a phone and us rewrites does not matter: the flow is that proxy.
"""

from __future__ import annotations

from collections.abc import Callable

from pbx.inbound_leg import InboundLeg
from pbx.leg import Leg
from pbx.net.transport import Flow
from pbx.outbound_leg import OutboundLeg


def is_at_home(known: Flow, flow: Flow) -> bool:
    return known.host == flow.host


def owner_of(leg: Leg, is_extension: Callable[[str], bool]) -> str | None:
    """The extension whose password moves that leg to another address; None: it is a trunk's or a trusted peer's."""
    if isinstance(leg, InboundLeg):
        return leg.arrival.user
    if isinstance(leg, OutboundLeg) and is_extension(leg.destination.number):
        return leg.destination.number
    return None
