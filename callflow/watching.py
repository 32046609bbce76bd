"""What watchers are told of an extension: its lamp, its status, its calls (R-PHONE-46 to R-PHONE-49).

Everything is read off live legs, registrations, declared wills and what phones publish at the moment when it is asked
for. Nothing here is a status that could stay stuck; what is kept is only which legs are whose.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from callflow.facts import CallFact, PhoneOffline, PhoneOnline, PresencePublished
from pbx.inbound_leg import InboundLeg
from pbx.leg import Leg
from pbx.outbound_leg import OutboundLeg
from pbx.sip.dialog_info import DialogInfo, DialogInfoState
from pbx.sip.message_summary import Waiting
from pbx.sip.pidf import Activity, Published, Status
from pbx.sip.uri import SipUri
from queue_engine.facts import AgentDeclared, Will

EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRules:
    """Who may watch whom. Everybody may watch the own extension."""

    watchers: frozenset[str] = frozenset({EVERYBODY})
    hidden: frozenset[str] = frozenset()  # nobody else sees these
    parties: bool = False  # lamps also tell who is at the other end

    def allow(self, watcher: str, extension: str) -> bool:
        if watcher == extension:
            return True
        return extension not in self.hidden and not self.watchers.isdisjoint((EVERYBODY, watcher))


@dataclass(slots=True, kw_only=True)
class Watching:
    """Implements `pbx.ports.Watched`. `on_change(extension)`: whoever watches it should look again."""

    extensions: Container[str]
    reachable: Callable[[str], bool]
    will: Callable[[str], Will]
    says: Callable[[str], Published | None]
    undisturbed: Callable[[str], bool] = lambda _: False  # do-not-disturb at the switchboard
    domain: str
    rules: WatchRules = WatchRules()
    names: Mapping[str, str] = field(default_factory=dict)
    on_change: Callable[[str], None] = lambda _: None
    _legs: dict[str, dict[Leg, UUID]] = field(default_factory=dict, init=False)
    _calls: dict[UUID, dict[Leg, str]] = field(default_factory=dict, init=False)

    # ---- what happens --------------------------------------------------------------------------------------------

    def enters(self, extension: str, leg: Leg) -> None:
        """That leg is now one of that extension, until it is released; or it has become another call's."""
        legs = self._legs.setdefault(extension, {})
        if leg in legs:
            self._forget_call(leg, legs[leg])
        else:
            leg.on_released(lambda leg: self._leaves(extension, leg))
        legs[leg] = leg.call_id
        self._calls.setdefault(leg.call_id, {})[leg] = extension
        self.on_change(extension)

    def on_fact(self, fact: object) -> None:
        """Something happened: those whom it concerns may look different now."""
        match fact:
            case CallFact(call_id=call_id):
                for extension in set(self._calls.get(call_id, {}).values()):
                    self.on_change(extension)
            case PhoneOnline() | PhoneOffline() | PresencePublished():
                self.on_change(fact.extension)
            case AgentDeclared(extension=str(extension)):
                self.on_change(extension)
            case _:
                pass

    def _leaves(self, extension: str, leg: Leg) -> None:
        legs = self._legs.get(extension, {})
        call_id = legs.pop(leg, None)
        if not legs:
            self._legs.pop(extension, None)
        if call_id is not None:
            self._forget_call(leg, call_id)
        self.on_change(extension)

    def _forget_call(self, leg: Leg, call_id: UUID) -> None:
        call = self._calls.get(call_id, {})
        call.pop(leg, None)
        if not call:
            self._calls.pop(call_id, None)

    # ---- pbx.ports.Watched ---------------------------------------------------------------------------------------

    def exists(self, extension: str) -> bool:
        return extension in self.extensions

    def may_watch(self, watcher: str, extension: str) -> bool:
        return self.rules.allow(watcher, extension)

    def status(self, extension: str) -> Status:
        """R-PHONE-49's Busy, Online, Calling and Waiting, and what lies between them."""
        activity = self._in_calls(extension)
        if activity is not None:
            return Status(activity)
        if not self.reachable(extension):
            return Status(Activity.OFFLINE)
        if self.undisturbed(extension):
            return Status(Activity.DO_NOT_DISTURB)
        says = self.says(extension)
        if says is not None and (says.do_not_disturb or says.is_away or not says.is_open):
            return Status(Activity.DO_NOT_DISTURB if says.do_not_disturb else Activity.AWAY, says.note)
        if self.will(extension) in (Will.PAUSED, Will.SIGNED_OUT):
            return Status(Activity.AWAY)
        return Status(Activity.ONLINE, says.note if says is not None else "")

    def dialogs(self, watcher: str, extension: str) -> tuple[DialogInfo, ...]:
        parties = self.rules.parties or watcher == extension
        return tuple(
            self._dialog(leg, parties)
            for leg in self._legs.get(extension, ())
            if isinstance(leg, InboundLeg | OutboundLeg) and not leg.is_over
        )

    def _in_calls(self, extension: str) -> Activity | None:
        """Of several calls the strongest shows: who talks is busy, whatever else rings or is held."""
        said = {_activity(leg) for leg in self._legs.get(extension, ()) if not leg.is_over}
        strength = (Activity.ON_THE_PHONE, Activity.CALLING, Activity.ON_HOLD, Activity.RINGING)
        return next((activity for activity in strength if activity in said), None)

    def _dialog(self, leg: InboundLeg | OutboundLeg, parties: bool) -> DialogInfo:
        initiator = isinstance(leg, InboundLeg)
        # RFC 4235 §3.7.1: early with a provisional response that has a tag. Without it nobody can name the dialog, and
        # the key beside the lamp would pick up nothing.
        state = DialogInfoState.TRYING if initiator or leg.dialog is None else DialogInfoState.EARLY
        other = leg.arrival.dialled if isinstance(leg, InboundLeg) else leg.caller.number
        shown = parties and bool(other)
        return DialogInfo(
            id=leg.leg_id.hex,
            state=DialogInfoState.CONFIRMED if leg.is_confirmed else state,
            initiator=initiator,
            sip_call_id=leg.sip_call_id,
            # From the side of the phone: what is remote for us is local there.
            local_tag=leg.dialog.remote_tag if leg.dialog is not None else "",
            remote_tag=leg.local_tag,
            held=leg.held,
            remote=str(SipUri(scheme="sip", user=other, host=self.domain)) if shown else "",
            remote_name=self.names.get(other, "") if shown else "",
        )


def _activity(leg: Leg) -> Activity:
    if leg.is_confirmed:
        return Activity.ON_HOLD if leg.held else Activity.ON_THE_PHONE
    return Activity.CALLING if isinstance(leg, InboundLeg) else Activity.RINGING


class NoMailboxes:
    """Nobody has a mailbox yet: nothing waits."""

    def waiting(self, extension: str) -> Waiting:
        return Waiting()
