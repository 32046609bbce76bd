"""Legs: one SIP dialog with its media each. `InboundLeg` and `OutboundLeg` stand beside this package.

leg          the common ground: life and end, media, requests of the other side
streams      offers and answers, and what the media worker is told of them
secrecy      keys, credentials and certificates of its media
modification re-INVITE and UPDATE, from either side
successes    2xx that wait for their ACKs
session_watch, digits, referrals: session timers, INFO, REFER
asking       a request of ours inside a dialog
"""

from pbx.leg.cookie import Cookie
from pbx.leg.leg import Leg, Proof
from pbx.leg.referrals import Referral
from pbx.leg.usage import InviteUsage
from pbx.leg.values import DigitWay, Diversion, Ended, Identity, LegEnd

__all__ = ["Cookie", "DigitWay", "Diversion", "Ended", "Identity", "InviteUsage", "Leg", "LegEnd", "Proof", "Referral"]
