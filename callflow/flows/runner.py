"""Carries a flow out that is data: for each node one verb of `Visit`, and on by the exit that it gives. Pure."""

from __future__ import annotations

from callflow.flows import model
from callflow.flows.model import AnyNode, Flow, filled
from callflow.flows.visit import BUSY, TIMEOUT, WRONG, Visit

MOST_STEPS = 500
"""Nodes that one visit passes in one flow; who is still there then has gone in circles, and is hung up."""


class InCircles(Exception):
    """Nobody needs so many nodes."""


async def run(flow: Flow, visit: Visit) -> None:
    """Raises InCircles, and what the verbs raise; returns at an exit that leads nowhere (see `flows.checking`)."""
    visit.language, visit.time_zone = flow.language, flow.time_zone
    visit.variables = {**flow.variables, **visit.variables}
    name = flow.start
    for _ in range(MOST_STEPS):
        node = flow.nodes.get(name)
        if node is None:
            return
        visit.enters(name)
        taken = await _carry_out(node, visit)
        visit.leaves(name, taken)
        name = _next(node, taken)
    raise InCircles


FALLBACKS = {WRONG: TIMEOUT, BUSY: "unanswered", "holiday": "closed"}
"""Of exits that may be left out."""


def _next(node: AnyNode, taken: str) -> str:
    exits = dict(node.exits())
    return exits.get(taken) or exits.get(FALLBACKS.get(taken, ""), "")


async def _carry_out(node: AnyNode, visit: Visit) -> str:
    """The exit that is taken."""
    match node:
        case model.Menu():
            pressed = await visit.menu(node.prompts, node.keys, seconds=node.seconds, attempts=node.attempts)
            if pressed in node.keys:
                visit.set("key", pressed)
            return pressed
        case model.Gather():
            digits = await visit.gather(
                node.prompts, least=node.least, most=node.most, seconds=node.seconds, attempts=node.attempts
            )
            visit.set(node.into, digits)
            return "next" if digits else TIMEOUT
        case model.Hours():
            return (await visit.hours(node.calendar)).value
        case model.Enqueue():
            return await visit.enqueue(node.line)
        case model.Dial():
            return await visit.dial(node.number, seconds=node.seconds)
        case model.Callback():
            asked = await visit.callback(node.prompts, seconds=node.seconds, line=node.line)
            return "accepted" if asked else "declined"
        case model.If():
            return "then" if visit.test(node.variable, node.test, filled(node.value, visit.variables)) else "else"
        case model.Webhook():
            return await _webhook(node, visit)
    await _straight(node, visit)
    return "next"


async def _straight(node: AnyNode, visit: Visit) -> None:
    """Verbs with one way on, or none."""
    match node:
        case model.Transfer():
            await visit.transfer(node.flow)
        case model.Hangup():
            await visit.hangup()
        case model.Answer():
            await visit.answer()
        case model.Play():
            await visit.play(*node.prompts, barge=node.barge)
        case model.Say():
            await visit.say(node.what, filled(node.value, visit.variables), node.currency)
        case model.Voicemail():
            await visit.voicemail(node.prompts, seconds=node.seconds)
        case model.Record():
            await visit.record(node.on)
        case model.Set():
            visit.set(node.variable, filled(node.value, visit.variables))


async def _webhook(node: model.Webhook, visit: Visit) -> str:
    body = {name: visit.variables.get(name, "") for name in node.send}
    answer = await visit.webhook(node.url, body, seconds=node.seconds)
    if answer is None:
        return "failed"
    for variable, field in node.into.items():
        visit.set(variable, answer.get(field, ""))
    return "next"
