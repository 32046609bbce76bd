"""What a call centre's B2BUA and registrar owes a phone, one function for each behaviour.

Every function gives the parties with their halves: A calls, B and C are called (B2 is B's second phone), X is nobody.
A party's name may end in `:badpass` (it proves the wrong password) or `:once` (it repeats nothing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.interop.sipp.side import CONTACT, PROVISIONAL, Side

Parties = dict[str, Side]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`callee`: B, queue, ivr, absent, nobody, or a number. `check` reads the message logs of a run that passed and
    says what is wrong in them, or nothing."""

    make: Callable[[], Parties]
    tags: tuple[str, ...]
    callee: str
    register: str
    limit: float
    check: Callable[[Mapping[str, str]], str] | None

    @property
    def about(self) -> str:
        return (self.make.__doc__ or "").strip()


CASES: dict[str, Case] = {}


def case(
    tags: str,
    *,
    callee: str = "B",
    register: str = "ABC",
    limit: float = 25,
    check: Callable[[Mapping[str, str]], str] | None = None,
) -> Callable[[Callable[[], Parties]], Callable[[], Parties]]:
    def keep(make: Callable[[], Parties]) -> Callable[[], Parties]:
        CASES[make.__name__] = Case(
            make=make, tags=tuple(tags.split()), callee=callee, register=register, limit=limit, check=check
        )
        return make

    return keep


def calls_in(log: str) -> int:
    """How many calls, told by Call-ID, a phone's message log shows coming in."""
    heard = [message for message in log.split("message received")[1:] if "\nINVITE " in message[:200]]
    found = (re.search(r"(?im)^(?:call-id|i)\s*:\s*(\S+)", message) for message in heard)
    return len({match[1] for match in found if match})


def rang_once(log: Mapping[str, str]) -> str:
    calls = calls_in(log["B"])
    return "" if calls == 1 else f"B got {calls} calls"


def register(side: Side, cseq: int, *, expires: int = 120, auth: bool = False, contact: str = CONTACT) -> Side:
    return side.send(
        f"""REGISTER sip:[dom] SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
        Max-Forwards: 70
        From: <sip:[me]@[dom]>;tag=[pid]r[call_number]
        To: <sip:[me]@[dom]>
        Call-ID: [call_id]
        CSeq: {cseq} REGISTER
        {contact}
        Expires: {expires}
        {"[authentication]" if auth else ""}"""
    )


def cancelled(side: Side) -> None:
    """Ring, be cancelled: 200 for the CANCEL, 487 on the INVITE's own CSeq."""
    side.ring([side.check("([0-9]+) INVITE", "CSeq", to="icseq", group=True)]).reply("180 Ringing")
    side.recv("CANCEL").status("200 OK")
    side.send(
        """SIP/2.0 487 Request Terminated
        [last_Via:]
        From:[$hfrom]
        To:[$hto];tag=[pid]u[call_number]
        [last_Call-ID:]
        CSeq: [$icseq] INVITE"""
    ).recv("ACK")


# ---- the registrar ---------------------------------------------------------------------------------------------


@case("core registrar", register="")
def register_auth_query_remove() -> Parties:
    """RFC 3261 §10: `*` clears, 401 with a nonce, 200 lists the binding, a query lists it, Expires 0 removes it"""
    a = Side()
    everything = "Contact: *"
    challenge = [a.check("Digest.*realm=.*nonce=", "WWW-Authenticate")]
    register(a, 1, expires=0, contact=everything).recv(401, auth=True, checks=challenge)
    register(a, 2, expires=0, contact=everything, auth=True).recv(200)
    register(a, 3).recv(401, auth=True)
    bound = [a.check("sip:", "Contact", to="c"), a.check("expires=[1-9][0-9]*", to="e")]
    register(a, 4, auth=True).recv(200, checks=bound)
    register(a, 5, contact="").recv(401, auth=True)
    register(a, 6, auth=True, contact="").recv(200, checks=[a.check("sip:", "Contact", to="c")])
    register(a, 7, expires=0).recv(401, auth=True)
    register(a, 8, expires=0, auth=True).recv(200)
    register(a, 9, contact="").recv(401, auth=True)
    gone = [a.check("Contact:.*expires=[1-9]", never=True, to="g")]
    register(a, 10, auth=True, contact="").recv(200, checks=gone)
    return {"A": a}


@case("core registrar security", register="")
def register_wrong_password() -> Parties:
    """never 200; 401 again, or 403"""
    a = Side()
    register(a, 1).recv(401, auth=True)
    register(a, 2, auth=True).recv(401, optional=True, goto="9").recv(403)
    a.label("9")
    return {"A:badpass": a}


@case("registrar", register="")
def register_via_rport() -> Parties:
    """RFC 3581: a Via with a wrong address and rport is answered at the packet's source, with received and rport"""
    a = Side()
    a.send(
        """REGISTER sip:[dom] SIP/2.0
        Via: SIP/2.0/[transport] 10.255.255.1:5099;branch=[branch];rport
        Max-Forwards: 70
        From: <sip:[me]@[dom]>;tag=[pid]r[call_number]
        To: <sip:[me]@[dom]>
        Call-ID: [call_id]
        CSeq: 1 REGISTER
        Contact: <sip:[me]@10.255.255.1:5099>
        Expires: 60"""
    )
    a.recv(401, checks=[a.check("rport=[0-9]+", "Via"), a.check("received=[0-9]", "Via", to="w")])
    return {"A": a}


# ---- plain calls -----------------------------------------------------------------------------------------------


@case("core call")
def call_caller_hangs_up() -> Parties:
    """two legs, media, BYE from the caller"""
    return {"A": Side().call().talk(1500).bye(), "B": Side().pick_up().hung_up()}


@case("core call")
def call_callee_hangs_up() -> Parties:
    """BYE from the callee reaches the caller"""
    return {"A": Side().call().talk(600).hung_up(), "B": Side().pick_up().pause(1000).theirs("BYE", 1).recv(200)}


@case("core call")
def callee_busy() -> Parties:
    """486 comes through"""
    return {"A": Side().call(486), "B": Side().ring().reply("486 Busy Here", repeat=True).recv("ACK")}


@case("core call")
def caller_cancels() -> Parties:
    """CANCEL while it rings: 200 for the CANCEL, 487 for the INVITE, the callee is cancelled too"""
    a, b = Side(), Side()
    branch = "z9hG4bKcan[pid]x[call_number]"
    a.outside("INVITE", 1, sdp=True).challenged()
    a.outside("INVITE", 2, sdp=True, auth=True, branch=branch)
    a.recv(100, optional=True).recv(183, optional=True).recv(180).pause(500)
    a.send(
        f"""CANCEL sip:[service]@[dom] SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport
        Max-Forwards: 70
        From: <sip:[me]@[dom]>;tag=[pid]t[call_number]
        To: <sip:[service]@[dom]>
        Call-ID: [call_id]
        CSeq: 2 CANCEL"""
    )
    a.recv(487, optional=True, goto="7").recv(200).recv(487)
    a.label("7")
    a.ack_failure(2).pause(300)
    cancelled(b)
    return {"A": a, "B": b}


@case("core call")
def hold_and_resume() -> Parties:
    """re-INVITE sendonly is answered recvonly or inactive, sendrecv brings the call back"""
    a, b = Side(), Side()
    a.call().talk(500)
    a.inside("INVITE", 3, sdp=True, direction="sendonly", version=2).recv(100, optional=True)
    a.recv(200, routes=True, checks=[a.check("a=(recvonly|inactive)")]).inside("ACK", 3).pause(500)
    a.inside("INVITE", 4, sdp=True, version=3).recv(100, optional=True)
    back = [a.check("a=(recvonly|inactive|sendonly)", never=True, to="w")]
    a.recv(200, routes=True, checks=back).inside("ACK", 4).pause(300)
    a.bye(5)
    b.pick_up()  # the server may pass the hold on or keep it to itself
    top = b.label()
    b.wait({"INVITE": "20", "ACK": top}, "BYE").ok().goto("30")
    b.label("20")
    b.ok(sdp=True).goto(top)
    b.label("30")
    return {"A": a, "B": b}


@case("call rfc")
def session_timer_accepted() -> Parties:
    """RFC 4028: Session-Expires comes back in the 200"""
    a = Side()
    asked = "Session-Expires: 1800;refresher=uac\nMin-SE: 90"
    a.call(headers=asked, checks=[a.check("[0-9]+", "Session-Expires")]).pause(200).bye()
    return {"A": a, "B": Side().pick_up().hung_up()}


@case("core transfer", limit=30)
def blind_transfer() -> Parties:
    """RFC 3515, RFC 5589: REFER gives 202, NOTIFY ends with 200, the callee is then talking to C"""
    a, b, c = Side(), Side(), Side()
    a.call().pause(400)
    refer = "Refer-To: <sip:[third]@[dom]>\nReferred-By: <sip:[me]@[dom]>"
    a.inside("REFER", 3, headers=refer).recv(200, optional=True, goto="1").recv(202)
    a.label("1")
    a.label("2")  # the NOTIFYs, and a BYE from the server or of A's own
    a.wait({"NOTIFY": "4"}, "BYE", timeout=3000, on_timeout="5").ok().goto("8")
    a.label("4")
    a.ok().goto("2")
    a.label("5")
    a.inside("BYE", 4).recv(481, optional=True, goto="8").recv(200)
    a.label("8")
    b.pick_up()  # B sees nothing, or a re-INVITE, or an INVITE of its own; it is hung up only when C hangs up
    top = b.label()
    b.wait({"INVITE": "20", "ACK": top, "UPDATE": "20"}, "BYE").ok().goto("30")
    b.label("20")
    b.ok(sdp=True).goto(top)
    b.label("30")
    c.pick_up().pause(2500).theirs("BYE", 1).recv(200)
    return {"A": a, "B": b, "C": c}


@case("core call race", register="ABb")
def fork_first_answer_wins() -> Parties:
    """one user on two phones: both ring, the first to answer wins, the other is cancelled"""
    b, b2 = Side(), Side()
    b.ring().reply("180 Ringing").pause(600).reply("200 OK", repeat=True, sdp=True).recv("ACK").hung_up()
    cancelled(b2)
    return {"A": Side().call().talk(800).bye(), "B": b, "B2": b2}


@case("core call", callee="absent", register="A")
def callee_not_registered() -> Parties:
    """480 (or 404, 486, 503, 603) and soon, not silence"""
    a = Side()
    a.outside("INVITE", 1, sdp=True).challenged().outside("INVITE", 2, sdp=True, auth=True)
    for status in (100, 180, 183):
        a.recv(status, optional=True)
    a.any_of((404, 410, 486, 503, 603), "5", timeout=5000).recv(480, timeout=5000)
    a.label("5")
    return {"A": a.ack_failure(2)}


@case("core call", callee="nobody", register="A")
def callee_unknown() -> Parties:
    """404 (or 484, 480, 604) for a number that nobody has"""
    a = Side()
    a.outside("INVITE", 1, sdp=True).challenged()
    a.outside("INVITE", 2, sdp=True, auth=True).recv(100, optional=True)
    a.any_of((403, 480, 484, 603, 604), "5").recv(404)
    a.label("5")
    return {"A": a.ack_failure(2)}


# ---- retransmission --------------------------------------------------------------------------------------------


@case("core loss", check=rang_once)
def invite_sent_twice() -> Parties:
    """the same INVITE (same branch) twice rings the callee once"""
    a = Side()
    branch = "z9hG4bKdup[pid]x[call_number]"
    a.outside("INVITE", 1, sdp=True).challenged()
    a.outside("INVITE", 2, sdp=True, auth=True, branch=branch, repeat=False).recv(100, optional=True).recv(180)
    a.outside("INVITE", 2, sdp=True, auth=True, branch=branch, repeat=False)
    for status in PROVISIONAL:
        a.recv(status, optional=True)
    a.recv(200, routes=True).inside("ACK", 2).pause(800).bye()
    return {"A": a, "B": Side().pick_up().hung_up()}


# ---- requests out of place -------------------------------------------------------------------------------------


@case("core rfc", register="")
def options_ping() -> Parties:
    """OPTIONS is answered 200 with Allow (or challenged)"""
    a = Side().outside("OPTIONS", 1, uri="sip:[dom]").any_of((401, 407), "1").recv(200)
    a.label("1")
    return {"A": a}


@case("rfc", register="")
def unknown_method() -> Parties:
    """405 or 501 (or a challenge), never silence"""
    a = Side().outside("FROBNICATE", 1).any_of((401, 407, 405), "1").recv(501)
    a.label("1")
    return {"A": a}


@case("core rfc security", register="")
def bye_of_no_dialog() -> Parties:
    """481"""
    return {"A": Side().outside("BYE", 9, to="<sip:[service]@[dom]>;tag=nosuch").recv(481)}


@case("rfc", register="")
def cancel_of_nothing() -> Parties:
    """481"""
    return {"A": Side().outside("CANCEL", 9).recv(481)}


# ---- digits, menu, line ----------------------------------------------------------------------------------------


@case("dtmf ivr", callee="ivr", register="AB", limit=30)
def ivr_rfc4733_digit() -> Parties:
    """a telephone-event 1 in RTP takes the menu's first branch: B rings"""
    a = Side().call().talk(1500).execute('play_dtmf="1"').pause(3500).bye()
    return {"A": a, "B": Side().pick_up().hung_up()}


@case("core queue", callee="queue", register="AC", limit=30)
def queue_call_answered() -> Parties:
    """a call to the queue number rings the agent (C) and is joined to it"""
    return {"A": Side().call().talk(3000).bye(), "C": Side().pick_up().hung_up()}


# ---- unwanted guests -------------------------------------------------------------------------------------------


@case("core security", register="", callee="0037122334455")
def unauthenticated_international_call() -> Parties:
    """toll fraud: an INVITE without credentials to an international number is refused"""
    x = Side().outside("INVITE", 1, sdp=True).recv(100, optional=True)
    x.any_of((403, 404, 407, 484, 503, 603), "5").recv(401)
    x.label("5")
    return {"X": x.ack_failure(1)}


@case("security", register="")
def long_headers_then_alive() -> Parties:
    """a request with an 8000-octet header, then OPTIONS: the server answers the second, whatever it did to the first"""
    x = Side().outside("OPTIONS", 1, uri="sip:[dom]", headers="X-Long: " + "A" * 8000, repeat=False)
    for status in (200, 400, 401, 407, 413, 414, 431, 500, 513):
        x.recv(status, optional=True, goto="2", timeout=1500, on_timeout="2")
    x.recv(403, timeout=1500, on_timeout="2")
    x.label("2")
    x.outside("OPTIONS", 2, uri="sip:[dom]").any_of((401, 407), "3").recv(200)
    x.label("3")
    return {"X:once": x}
