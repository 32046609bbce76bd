"""How events, effects and agreements are spelt in a trace. The tap writes them, and replay compares them."""

from __future__ import annotations

from collections.abc import Sequence

from pbx.sip.message import Request, Response
from pbx.sip.offer_answer import Answer
from pbx.sip.transaction.effects import Deliver, Effect, Inform, Send, StartTimer, StopTimer
from pbx.sip.transaction.events import Cancelled, Forsaken, Respond, TimerFired, TransportFailed

START, MESSAGE, RESPOND = "start", "<", "respond "
_GIVEN: dict[type, str] = {
    Request: MESSAGE,
    Response: MESSAGE,
    Cancelled: "cancelled",
    Forsaken: "forsaken",
    TransportFailed: "failed",
}
PLAIN = {"cancelled": Cancelled(), "forsaken": Forsaken(), "failed": TransportFailed()}


def given_word(
    event: Request | Response | TimerFired | Respond | TransportFailed | Cancelled | Forsaken | None,
) -> str:
    """What a machine was given; None: it was started."""
    if event is None:
        return START
    word = _GIVEN.get(type(event))
    if word is not None:
        return word
    if type(event) is TimerFired:
        return event.timer.name
    assert type(event) is Respond
    return f"{RESPOND}{event.response.status}"


def effect_words(effects: Sequence[Effect]) -> str:
    words = ""
    for effect in effects:
        # The commonest first: this is done at every step of every call. mypy knows a class by isinstance only.
        if isinstance(effect, Send):
            words += "send "
        elif isinstance(effect, StartTimer):
            words += f"+{effect.timer.name}{effect.after} "
        elif isinstance(effect, StopTimer):
            words += f"-{effect.timer.name} "
        elif isinstance(effect, Deliver):
            words += "deliver "
        elif isinstance(effect, Inform):
            words += "inform "
        else:
            words += f"end:{effect.reason} "
    return words[:-1]


def session_words(session: Answer) -> list[str]:
    """What offer and answer settled on."""
    return [
        f"{session.codec.name}/{session.codec.payload_type}",
        f"digits {session.dtmf_payload_type or '-'}",
        f"to {session.remote_address or '-'}:{session.remote_port}",
        session.direction.value,
    ]
