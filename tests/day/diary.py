"""What the phones themselves say of a call: read from their logs of messages, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pbx.sip.message import Request, Response
from tests.support.message_log import Logged
from tests.support.phone_call import Call

CHALLENGES = (401, 407)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One end's view of its dialog. Times are seconds of the wall clock; None: it never came to that."""

    user: str
    invited: float  # the first INVITE was sent, or came
    heard: float | None  # the first answer to it but a challenge, 100 too
    progress: float | None  # the first one beyond 100
    answered: float | None  # the 200; for the called, one that was acknowledged …
    acked: float | None  # … by then
    status: int | None  # of the final response, whoever gave it
    cancelled: float | None  # CANCEL was sent or came
    ended: float | None  # the first BYE, or the failure
    last: float  # the last message of all


@dataclass(slots=True, kw_only=True)
class Story:
    """One call of the day: who placed it to whom, and everybody's view of it once `read` was called."""

    kind: str
    direction: str  # as `callflow.facts.Direction` has it
    party: str  # the number that the register is to show
    target: str  # what was dialled
    callees: list[Call] = field(default_factory=list)
    caller: Call | None = None
    trouble: str = ""  # where the script could not go on
    is_settled: bool = False  # every end was over
    placed: Seen | None = None
    rung: list[Seen] = field(default_factory=list)

    def read(self) -> None:
        """Raises AssertionError for a story that was never begun."""
        assert self.caller is not None
        self.placed = seen(self.caller, caller=True)
        self.rung = [seen(call, caller=False) for call in self.callees]

    def has_rung(self, call: Call) -> bool:
        """Whether that call to one of our phones may be of this story, by the number that it names."""
        assert call.invite
        return self.party in (call.caller, call.invite.request_uri.user)

    @property
    def sip_call_id(self) -> str:
        assert self.caller is not None
        return self.caller.sip_call_id

    @property
    def view(self) -> Seen:
        assert self.placed is not None
        return self.placed

    @property
    def talks(self) -> list[Seen]:
        """The ends that took the call, in order."""
        return sorted((each for each in self.rung if each.answered), key=lambda each: each.answered or 0.0)

    @property
    def answered(self) -> float | None:
        return self.talks[0].answered if self.talks else None

    @property
    def joined(self) -> float | None:
        """By then the switchboard knew of the answer."""
        return self.talks[0].acked if self.talks else None

    @property
    def had_progress(self) -> bool:
        """Somebody outside has seen that the switchboard took it up."""
        return bool(self.rung) or self.view.progress is not None

    @property
    def last(self) -> float:
        """The last message at any end."""
        return max(each.last for each in (self.view, *self.rung))

    @property
    def ended(self) -> float:
        """When the caller's end was over. A phone that nobody answered has given up by itself."""
        return self.view.ended or self.view.cancelled or float("inf")


def seen(call: Call, *, caller: bool) -> Seen:
    entries = [entry for entry in call.phone.log.entries if entry.message.sip_call_id == call.sip_call_id]
    invites = [entry for entry in entries if _is_first_invite(entry)]
    responses = [entry for entry in entries if _answers_invite(entry, caller=caller)]
    finals = [entry for entry in responses if _status(entry) >= 200]
    success = [entry for entry in finals if _status(entry) < 300]
    failure = [entry for entry in finals if _status(entry) >= 300]
    byes = [entry for entry in entries if entry.what == "BYE"]
    acked = _first(entry for entry in entries if entry.what == "ACK" and entry.sent == caller)
    return Seen(
        user=call.phone.user,
        invited=invites[0].at,
        heard=_first(responses),
        progress=_first(entry for entry in responses if _status(entry) > 100),
        answered=_first(success) if acked else None,
        acked=acked if success else None,
        status=_status(finals[0]) if finals else None,
        cancelled=_first(entry for entry in entries if entry.what == "CANCEL"),
        ended=_first(byes) or _first(failure),
        last=entries[-1].at,
    )


def _is_first_invite(entry: Logged) -> bool:
    return isinstance(entry.message, Request) and entry.what == "INVITE" and not entry.message.to.tag


def _answers_invite(entry: Logged, *, caller: bool) -> bool:
    """Responses to the INVITE that began the call; a re-INVITE comes after its success."""
    message = entry.message
    return (
        isinstance(message, Response)
        and message.cseq.method == "INVITE"
        and entry.sent != caller
        and message.status not in CHALLENGES
    )


def _status(entry: Logged) -> int:
    assert isinstance(entry.message, Response)
    return entry.message.status


def _first(entries: Iterable[Logged] | Iterator[Logged]) -> float | None:
    return next((entry.at for entry in entries), None)
