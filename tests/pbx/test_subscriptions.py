"""Who watches what, against the wire: SUBSCRIBE, NOTIFY and their dialogs; limits and races, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from xml.etree import ElementTree

import pytest

from pbx.event_packages import DIALOG, PRESENCE, DialogPackage, MessageSummaryPackage, PresencePackage
from pbx.net.transport import Flow
from pbx.sip.dialog_info import DialogInfo, DialogInfoState
from pbx.sip.digest import authorise
from pbx.sip.message import Request, Response
from pbx.sip.message_summary import Waiting
from pbx.sip.pidf import Activity, Status
from pbx.sip.reply import reply
from pbx.subscriptions import Bounds, Subscriptions
from tests.pbx.switch import PHONE, Switch, a_request
from tests.support.virtual_time import virtual_time

GATHERED = 0.11  # seconds: changes are told after 0.1
ROAMING = Flow("UDP", "192.0.2.77", 5099)


@dataclass
class Office:
    """The switchboard with its notifier; 1002 and 1003 are watched, 1009 is hidden, 1001 watches."""

    switch: Switch = field(default_factory=Switch)
    bounds: Bounds = field(default_factory=Bounds)
    doing: Activity = Activity.ONLINE
    calls: tuple[DialogInfo, ...] = ()
    mailbox: Waiting = field(default_factory=Waiting)

    def __post_init__(self) -> None:
        packages = (PresencePackage(self), DialogPackage(self), MessageSummaryPackage(self))
        self.subscriptions = Subscriptions(self.switch.endpoint, packages, bounds=self.bounds)
        self.switch.user_agent.answers("SUBSCRIBE", self.subscriptions.subscribe, keeps_dialogs=True)

    # pbx.ports.Watched and Mailboxes

    def exists(self, extension: str) -> bool:
        return extension in ("1001", "1002", "1003", "1009")

    def may_watch(self, watcher: str, extension: str) -> bool:
        return extension != "1009"

    def status(self, extension: str) -> Status:
        return Status(self.doing)

    def dialogs(self, watcher: str, extension: str) -> tuple[DialogInfo, ...]:
        return self.calls

    def waiting(self, extension: str) -> Waiting:
        return self.mailbox

    # what a test does

    def subscribe(self, number: str = "1002", package: str = PRESENCE, *more: str, name: str = "one") -> Response:
        """The final response to SUBSCRIBE."""
        headers = "".join(f"{line}\r\n" for line in (f"Event: {package}", *more))
        request = a_request(
            "SUBSCRIBE", f"sip:{number}@example.com", headers=headers, sip_call_id=name, branch=f"z9hG4bK{name}"
        )
        self.switch.hears_authenticated(request)
        return next(
            message
            for message in reversed(self.switch.sent)
            if isinstance(message, Response) and message.cseq.method == "SUBSCRIBE"
        )

    def refresh(self, accepted: Response, cseq: int, *more: str, flow: Flow = PHONE, user: str = "1001") -> Response:
        """The final response to a SUBSCRIBE in that dialog, sent under `cseq` with credentials."""
        headers = "".join(f"{line}\r\n" for line in ("Event: presence", *more))
        self.switch.hears(self._inside(accepted, cseq - 1, headers, user), flow)
        asked = self.switch.last_response().headers.get("WWW-Authenticate")
        assert asked is not None
        uri = "sip:1002@example.com"
        proof = authorise(asked, method="SUBSCRIBE", uri=uri, username=user, password=f"pw{user[-1]}", cnonce="c")
        self.switch.hears(self._inside(accepted, cseq, f"{headers}Authorization: {proof}\r\n", user), flow)
        return self.switch.last_response()

    def _inside(self, accepted: Response, cseq: int, headers: str, user: str) -> str:
        return a_request(
            "SUBSCRIBE",
            cseq=cseq,
            branch=f"z9hG4bK{cseq}{user}{len(headers)}",
            to_tag=accepted.to.tag or "",
            sip_call_id=accepted.sip_call_id,
            headers=headers,
            from_user=user,
        )

    @property
    def notifies(self) -> list[Request]:
        return [request for request in self.switch.requests if request.method == "NOTIFY"]

    @property
    def states(self) -> list[str]:
        return [request.headers.get("Subscription-State") or "" for request in self.notifies]

    def takes(self, status: int = 200, *headers: tuple[str, str]) -> Request:
        """The watcher answers the last NOTIFY, from where that went."""
        went_to = next(flow for message, flow in reversed(self.switch.sender.sent) if message == self.notifies[-1])
        self.switch.hears(reply(self.notifies[-1], status, headers=headers), went_to)
        return self.notifies[-1]

    def becomes(self, activity: Activity) -> None:
        self.doing = activity
        self.subscriptions.changed(PRESENCE, "1002")


def words(notify: Request) -> str | None:
    return ElementTree.fromstring(notify.body).findtext(".//{urn:ietf:params:xml:ns:pidf}note")


@virtual_time
async def test_who_subscribes_is_told_at_once_in_the_same_dialog() -> None:
    office = Office()
    accepted = office.subscribe()
    assert (accepted.status, accepted.headers.get("Expires")) == (200, "600")
    notify = office.takes()
    assert notify.uri == "sip:1001@192.0.2.11:5062"
    assert (notify.sip_call_id, notify.from_.tag, notify.to.tag) == ("one", accepted.to.tag, "caller")
    assert notify.headers.get("Event") == "presence"
    assert office.states == ["active;expires=600"]
    assert notify.content_type == "application/pidf+xml"
    assert words(notify) == "Online"


@virtual_time
async def test_a_change_is_told_and_nothing_new_is_not() -> None:
    office = Office()
    office.subscribe()
    office.takes()
    office.becomes(Activity.ON_THE_PHONE)
    office.becomes(Activity.RINGING)
    await asyncio.sleep(GATHERED)
    assert [words(notify) for notify in office.notifies] == ["Online", "Ringing"]
    office.takes()
    office.becomes(Activity.ONLINE)
    office.becomes(Activity.RINGING)
    await asyncio.sleep(GATHERED)
    assert len(office.notifies) == 2


@virtual_time
async def test_while_a_notify_is_unanswered_no_other_goes() -> None:
    office = Office()
    office.subscribe()
    office.takes()
    office.becomes(Activity.RINGING)
    await asyncio.sleep(0.2)
    office.becomes(Activity.ON_THE_PHONE)
    office.becomes(Activity.ONLINE)
    await asyncio.sleep(5)
    told = {request.cseq.number for request in office.notifies}
    assert told == {1, 2}  # the second is sent again and again
    office.takes()
    await asyncio.sleep(GATHERED)
    assert words(office.notifies[-1]) == "Online"
    assert office.notifies[-1].cseq.number == 3


@virtual_time
async def test_who_does_not_refresh_is_forgotten_and_told_so() -> None:
    office = Office()
    office.subscribe("1002", PRESENCE, "Expires: 60")
    office.takes()
    await asyncio.sleep(61)
    assert office.states[-1] == "terminated;reason=timeout"
    assert len(office.subscriptions) == 0
    office.takes()
    await asyncio.sleep(40)
    assert (len(office.switch.timers), len(office.switch.transactions)) == (0, 0)


@virtual_time
async def test_a_refresh_prolongs_it_and_moves_it_to_the_flow_it_came_on() -> None:
    office = Office()
    accepted = office.subscribe("1002", PRESENCE, "Expires: 60")
    office.takes()
    await asyncio.sleep(40)
    assert office.refresh(accepted, 3, "Expires: 60", flow=ROAMING).status == 200
    assert office.switch.sender.sent[-1][1] == ROAMING
    office.takes()
    await asyncio.sleep(40)
    assert len(office.subscriptions) == 1
    assert office.states == ["active;expires=60", "active;expires=60"]


@virtual_time
async def test_unsubscribing_ends_it() -> None:
    office = Office()
    accepted = office.subscribe()
    office.takes()
    assert office.refresh(accepted, 3, "Expires: 0").headers.get("Expires") == "0"
    assert office.states[-1] == "terminated;reason=timeout"
    assert len(office.subscriptions) == 0
    assert office.refresh(accepted, 4).status == 481


@virtual_time
async def test_asking_once_leaves_nothing() -> None:
    office = Office()
    office.subscribe("1002", PRESENCE, "Expires: 0")
    assert office.states == ["terminated;reason=timeout"]
    assert words(office.notifies[0]) == "Online"
    assert len(office.subscriptions) == 0


@pytest.mark.parametrize(
    ("number", "package", "more", "status"),
    [
        ("1002", "weather", (), 489),
        ("1002", PRESENCE, ("Expires: 5",), 423),
        ("1002", PRESENCE, ("Accept: text/html",), 406),
        ("5555", PRESENCE, (), 404),
        ("1009", DIALOG, (), 403),
        ("1002", "message-summary", (), 403),  # another's mailbox
    ],
)
def test_what_is_refused(number: str, package: str, more: tuple[str, ...], status: int) -> None:
    @virtual_time
    async def refused() -> None:
        office = Office()
        assert office.subscribe(number, package, *more).status == status
        assert len(office.subscriptions) == 0
        assert office.notifies == []

    refused()


@virtual_time
async def test_a_stranger_is_challenged_and_leaves_nothing() -> None:
    office = Office()
    office.switch.hears(a_request("SUBSCRIBE", headers="Event: presence\r\n"))
    assert office.switch.statuses == [401]
    assert (len(office.subscriptions), len(office.switch.transactions)) == (0, 0)


@virtual_time
async def test_anothers_dialog_cannot_be_refreshed() -> None:
    office = Office()
    accepted = office.subscribe()
    office.takes()
    assert office.refresh(accepted, 3, user="1002").status == 481
    assert len(office.subscriptions) == 1


@virtual_time
async def test_a_refresh_out_of_order_gets_500() -> None:
    office = Office()
    accepted = office.subscribe()  # CSeq 2, after the challenge
    office.takes()
    request = a_request(
        "SUBSCRIBE", cseq=1, branch="z9hG4bKlate", to_tag=accepted.to.tag or "", sip_call_id="one",
        headers="Event: presence\r\n",
    )  # fmt: skip
    office.switch.hears_authenticated(request)
    assert office.switch.last_response().status == 500


@virtual_time
async def test_a_phone_that_knows_nothing_of_it_any_more_ends_it() -> None:
    office = Office()
    office.subscribe()
    office.takes(481)
    assert len(office.subscriptions) == 0
    office.becomes(Activity.AWAY)
    await asyncio.sleep(1)
    assert len(office.notifies) == 1


@virtual_time
async def test_a_phone_that_never_answers_ends_it() -> None:
    office = Office()
    office.subscribe()
    await asyncio.sleep(33)  # timer F
    assert len(office.subscriptions) == 0
    assert len(office.switch.timers) <= 1  # the SUBSCRIBE's timer J


@virtual_time
async def test_a_phone_that_cannot_be_reached_ends_it() -> None:
    office = Office()
    office.subscribe()
    office.takes()
    office.switch.sender.broken = True
    office.becomes(Activity.AWAY)
    await asyncio.sleep(GATHERED)
    assert len(office.subscriptions) == 0


@virtual_time
async def test_a_phone_that_is_busy_is_told_later() -> None:
    office = Office()
    office.subscribe()
    office.takes(503, ("Retry-After", "5 (in maintenance)"))
    await asyncio.sleep(5.1)
    assert [notify.cseq.number for notify in office.notifies] == [1, 2]


@virtual_time
async def test_at_an_accounts_bound_its_oldest_subscription_goes() -> None:
    office = Office(bounds=Bounds(account=2))
    for name in ("one", "two", "three"):
        office.subscribe(name=name)
        office.takes()
    assert len(office.subscriptions) == 2
    ended = [
        notify.sip_call_id
        for notify in office.notifies
        if "terminated" in (notify.headers.get("Subscription-State") or "")
    ]
    assert ended == ["one"]


@virtual_time
async def test_altogether_there_is_a_bound_too() -> None:
    office = Office(bounds=Bounds(altogether=1))
    office.subscribe()
    assert office.subscribe(name="two").status == 503
    assert len(office.subscriptions) == 1


@virtual_time
async def test_of_many_watchers_only_some_are_told_in_one_turn() -> None:
    office = Office()
    for number in range(40):
        office.subscribe(name=f"w{number}")
        office.takes()
    before = len(office.notifies)
    office.becomes(Activity.AWAY)
    in_one_turn: list[int] = []
    for _ in range(200):
        await asyncio.sleep(0.001)
        in_one_turn.append(len(office.notifies) - before - sum(in_one_turn))
    assert sum(in_one_turn) >= 40
    assert len({notify.sip_call_id for notify in office.notifies[before:]}) == 40


@virtual_time
async def test_lamps_are_told_what_changed() -> None:
    office = Office()
    office.subscribe("1002", DIALOG)
    office.takes()
    office.calls = (DialogInfo(id="a", state=DialogInfoState.EARLY, initiator=False),)
    office.subscriptions.changed(DIALOG, "1002")
    await asyncio.sleep(GATHERED)
    root = ElementTree.fromstring(office.takes().body)
    assert (root.get("version"), root.get("state"), len(root)) == ("1", "partial", 1)


@virtual_time
async def test_ones_own_mailbox_is_told() -> None:
    office = Office(mailbox=Waiting(new=1))
    office.subscribe("1001", "message-summary")
    notify = office.takes()
    assert notify.body.startswith(b"Messages-Waiting: yes\r\nMessage-Account: sip:1001@example.com\r\n")


@virtual_time
async def test_at_the_end_every_watcher_is_told_to_come_again() -> None:
    office = Office()
    office.subscribe()
    office.takes()
    office.subscribe("1003", DIALOG, name="two")
    office.subscriptions.close()
    assert office.states[-2:] == ["terminated;reason=probation"] * 2
    assert len(office.subscriptions) == 0
    await asyncio.sleep(40)
    assert (len(office.switch.timers), len(office.switch.transactions)) == (0, 0)
