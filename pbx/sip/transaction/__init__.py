"""The four transaction machines of RFC 3261 §17, with RFC 6026, and what drives them.

    transaction = InviteClientTransaction(invite, reliable=False)
    perform(transaction.start())
    perform(transaction.handle(event))      # a message of this transaction, a fired timer, a transport error

Perform all effects, in order, before handing in the next event. After Terminate, drop the machine and its timers.
"""

from pbx.sip.transaction.effects import Deliver, Effect, Inform, Reason, Send, StartTimer, StopTimer, Terminate
from pbx.sip.transaction.events import Cancelled, Forsaken, Respond, TimerFired, TransportFailed
from pbx.sip.transaction.hop_by_hop import ack_for, cancel_for
from pbx.sip.transaction.invite_client import InviteClientTransaction
from pbx.sip.transaction.invite_server import InviteServerTransaction
from pbx.sip.transaction.matching import Key, client_key, invite_key, server_key
from pbx.sip.transaction.non_invite_client import NonInviteClientTransaction
from pbx.sip.transaction.non_invite_server import NonInviteServerTransaction
from pbx.sip.transaction.timers import RFC_TIMINGS, Timer, Timings

__all__ = [
    "RFC_TIMINGS",
    "Cancelled",
    "Deliver",
    "Effect",
    "Forsaken",
    "Inform",
    "InviteClientTransaction",
    "InviteServerTransaction",
    "Key",
    "NonInviteClientTransaction",
    "NonInviteServerTransaction",
    "Reason",
    "Respond",
    "Send",
    "StartTimer",
    "StopTimer",
    "Terminate",
    "Timer",
    "TimerFired",
    "Timings",
    "TransportFailed",
    "ack_for",
    "cancel_for",
    "client_key",
    "invite_key",
    "server_key",
]
