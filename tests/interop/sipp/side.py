"""A small builder for SIPp's XML: one Side is one phone's half of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self
from xml.sax.saxutils import quoteattr

SDP = """v=0
o=[me] 53655765 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 8 96
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
a=ptime:20
a={direction}
"""
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, INFO, UPDATE, PRACK, MESSAGE"
SUPPORTED = "replaces, timer"
PROVISIONAL = (100, 180, 181, 182, 183)
RETRANSMIT = 500  # milliseconds
CONTACT = "Contact: <sip:[me]@[local_ip]:[local_port];transport=[transport]>"
WITH_TAG, WITHOUT_TAG = "[last_To:]", "[last_To:];tag=[pid]u[call_number]"


class Side:
    """The steps of one phone, in order. Methods give the side back, so that steps can be chained."""

    def __init__(self) -> None:
        self._steps: list[str] = []
        self._labels = 100  # those up to 100 are the scenarios' own
        self._variables: set[str] = set()

    # ---- plain steps -------------------------------------------------------------------------------------------

    def send(
        self,
        text: str,
        *,
        repeat: bool = True,
        sdp: bool = False,
        direction: str = "sendrecv",
        version: int = 1,
        goto: str | None = None,
    ) -> Self:
        """A message; empty lines in `text` fall out."""
        lines = [line.strip() for line in text.strip().split("\n") if line.strip()]
        body = SDP.format(direction=direction, version=version) if sdp else ""
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append("Content-Length: [len]")
        message = "\n".join(lines) + "\n\n" + body
        attributes = f' retrans="{RETRANSMIT}"' if repeat else ""
        attributes += f' next="{goto}"' if goto else ""
        self._steps.append(f"<send{attributes}><![CDATA[\n\n{message}\n]]></send>")
        return self

    def recv(
        self,
        what: str | int,
        *,
        optional: bool = False,
        goto: str | None = None,
        auth: bool = False,
        routes: bool = False,
        timeout: int | None = None,
        on_timeout: str | None = None,
        checks: Sequence[str] = (),
    ) -> Self:
        """A response by its status or a request by its method. `routes`: keep what a dialog needs."""
        given = {
            "response" if isinstance(what, int) else "request": str(what),
            "optional": "true" if optional else None,
            "next": goto,
            "auth": "true" if auth else None,
            "rrs": "true" if routes else None,
            "timeout": timeout,
            "ontimeout": on_timeout,
        }
        attributes = "".join(f' {name}="{value}"' for name, value in given.items() if value is not None)
        action = f"<action>{''.join(checks)}</action>" if checks else ""
        self._steps.append(f"<recv{attributes}>{action}</recv>")
        return self

    def any_of(self, statuses: Sequence[int], goto: str, *, timeout: int | None = None) -> Self:
        """Any of these responses leads to the label; the step after this one is the last that may come."""
        for status in statuses:
            self.recv(status, optional=True, goto=goto, timeout=timeout)
        return self

    def check(
        self, pattern: str, header: str | None = None, *, to: str = "v", never: bool = False, group: bool = False
    ) -> str:
        """For `checks`: the header (or the whole message) must match, or must `never`; what matched goes to $to."""
        self._variables.add(to)
        names = to
        if group:
            self._variables.add(to + "0")
            names = f"{to}0,{to}"
        where = f'search_in="hdr" header={quoteattr(header + ":")}' if header else 'search_in="msg"'
        how = 'check_it_inverse="true"' if never else 'check_it="true"'
        return f'<ereg regexp={quoteattr(pattern)} {where} {how} assign_to="{names}"/>'

    def label(self, number: str | None = None) -> str:
        number = number or self.new_label()
        self._steps.append(f'<label id="{number}"/>')
        return number

    def new_label(self) -> str:
        self._labels += 1
        return str(self._labels)

    def wait(
        self, branches: Mapping[str, str], last: str, *, timeout: int | None = None, on_timeout: str | None = None
    ) -> Self:
        """Several requests may come: {method: label to go on at}; after `last` the next step follows."""
        for method, goto in branches.items():
            self.recv(method, optional=True, goto=goto, timeout=timeout, on_timeout=on_timeout)
        return self.recv(last, timeout=timeout, on_timeout=on_timeout)

    def goto(self, number: str) -> Self:
        last = self._steps[-1] if self._steps else ""
        if last.startswith("<send") and "next=" not in last.split(">")[0]:
            # On the send itself: a message that comes while SIPp sits on a nop fails the call.
            self._steps[-1] = last.replace("<send", f'<send next="{number}"', 1)
        else:
            self._steps.append(f'<nop next="{number}"/>')
        return self

    def pause(self, milliseconds: int) -> Self:
        self._steps.append(f'<pause milliseconds="{milliseconds}"/>')
        return self

    def talk(self, milliseconds: int = 1000) -> Self:
        return self.execute('rtp_stream="tone.ulaw,-1,0"').pause(milliseconds)

    def execute(self, what: str) -> Self:
        self._steps.append(f"<nop><action><exec {what}/></action></nop>")
        return self

    # ---- what a caller says ------------------------------------------------------------------------------------

    def outside(
        self,
        method: str,
        cseq: int,
        *,
        uri: str = "sip:[service]@[dom]",
        to: str = "<sip:[service]@[dom]>",
        headers: str = "",
        auth: bool = False,
        branch: str = "[branch]",
        sdp: bool = False,
        repeat: bool = True,
    ) -> Self:
        """A request that belongs to no dialog yet."""
        credentials = "[authentication]" if auth else ""
        text = self._request(method, uri, cseq, to, f"{credentials}\n{headers}", branch)
        return self.send(text, sdp=sdp, repeat=repeat)

    def inside(
        self,
        method: str,
        cseq: int,
        *,
        headers: str = "",
        sdp: bool = False,
        direction: str = "sendrecv",
        version: int = 1,
    ) -> Self:
        """A request of the dialog; it wants `recv(..., routes=True)` before."""
        to = "<sip:[service]@[dom]>[peer_tag_param]"
        text = self._request(method, "[next_url]", cseq, to, f"[routes]\n{headers}", "[branch]")
        return self.send(text, repeat=method != "ACK", sdp=sdp, direction=direction, version=version)

    @staticmethod
    def _request(method: str, uri: str, cseq: int, to: str, headers: str, branch: str) -> str:
        return f"""{method} {uri} SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport
        Max-Forwards: 70
        From: <sip:[me]@[dom]>;tag=[pid]t[call_number]
        To: {to}
        Call-ID: [call_id]
        CSeq: {cseq} {method}
        {CONTACT}
        Allow: {ALLOW}
        Supported: {SUPPORTED}
        {headers}"""

    def challenged(self, cseq: int = 1) -> Self:
        """401 or 407 must come to an INVITE, and is acknowledged."""
        answered = self.new_label()
        self.recv(100, optional=True).recv(401, optional=True, auth=True, goto=answered).recv(407, auth=True)
        self.label(answered)
        return self.ack_failure(cseq)

    def ack_failure(self, cseq: int) -> Self:
        return self.send(
            f"""ACK sip:[service]@[dom] SIP/2.0
            [last_Via:]
            Max-Forwards: 70
            [last_From:]
            [last_To:]
            Call-ID: [call_id]
            CSeq: {cseq} ACK""",
            repeat=False,
        )

    def call(self, final: int = 200, *, headers: str = "", checks: Sequence[str] = ()) -> Self:
        """INVITE, challenge, INVITE with credentials, final response, ACK. Ends with CSeq 2 used."""
        self.outside("INVITE", 1, sdp=True, headers=headers).challenged()
        self.outside("INVITE", 2, sdp=True, headers=headers, auth=True)
        for status in PROVISIONAL:
            self.recv(status, optional=True)
        self.recv(final, routes=final == 200, checks=checks)
        return self.inside("ACK", 2) if final == 200 else self.ack_failure(2)

    def bye(self, cseq: int = 3) -> Self:
        return self.inside("BYE", cseq).recv(200)

    # ---- what the called says ----------------------------------------------------------------------------------

    def ring(self, checks: Sequence[str] = ()) -> Self:
        kept = [self.check(".*", "From", to="hfrom"), self.check(".*", "To", to="hto")]
        return self.recv("INVITE", routes=True, checks=[*kept, *checks])

    def reply(self, line: str, *, repeat: bool = False, sdp: bool = False, to: str = WITHOUT_TAG) -> Self:
        """A response that may make a dialog."""
        text = f"""SIP/2.0 {line}
        [last_Via:]
        [last_Record-Route:]
        [last_From:]
        {to}
        [last_Call-ID:]
        [last_CSeq:]
        {CONTACT}
        Allow: {ALLOW}"""
        return self.send(text, repeat=repeat, sdp=sdp)

    def ok(self, *, sdp: bool = False) -> Self:
        """200 to a request of the dialog: To has its tag already."""
        return self.reply("200 OK", to=WITH_TAG, sdp=sdp)

    def status(self, line: str) -> Self:
        text = f"""SIP/2.0 {line}
        [last_Via:]
        [last_From:]
        [last_To:]
        [last_Call-ID:]
        [last_CSeq:]"""
        return self.send(text, repeat=False)

    def pick_up(self, ring: int = 300) -> Self:
        self.ring().reply("180 Ringing").pause(ring)
        return self.reply("200 OK", repeat=True, sdp=True).recv("ACK")

    def theirs(self, method: str, cseq: int) -> Self:
        """A request of the called side's own inside the dialog."""
        return self.send(
            f"""{method} [next_url] SIP/2.0
            Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
            Max-Forwards: 70
            [routes]
            From:[$hto];tag=[pid]u[call_number]
            To:[$hfrom]
            Call-ID: [call_id]
            CSeq: {cseq} {method}
            {CONTACT}
            Allow: {ALLOW}"""
        )

    def hung_up(self) -> Self:
        return self.recv("BYE").ok()

    def xml(self, name: str) -> str:
        if self._steps[-1].startswith("<label"):
            self.pause(10)  # a jump to a label with nothing behind it would count as a failed call
        steps = "\n".join(self._steps)
        used = "".join(f'<Reference variables="{name}"/>' for name in sorted(self._variables))
        return f'<?xml version="1.0" encoding="UTF-8" ?>\n<scenario name="{name}">\n{steps}\n{used}\n</scenario>\n'
