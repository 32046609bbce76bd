"""What the live panel shows before the first fact: read from the CRM and from the registrations at start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from callflow.wishes import WishBook
from crm_core import follow_ups, hall, organisation, settings, telephony
from crm_core.callbacks import OwedCallback
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection, Pool
from crm_core.dictionaries.user_statuses import user_statuses
from crm_core.hall import WaitingTicket
from crm_core.organisation import Role, User
from web_panel.live import Seed
from web_panel.live_callbacks import Owed
from web_panel.live_calls import Party
from web_panel.live_entries import Declared, Line, Missed, Ticket, person_of
from web_panel.live_missed import known
from web_panel.statuses import TicketState
from web_panel.wire import BoardLineView, ServiceView


def midnight_before(now: datetime, zone: ZoneInfo) -> datetime:
    """When the local day of `now` began."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


async def live_seed(pool: Pool, registered: Iterable[str], wishes: WishBook, today: datetime) -> Seed:
    """`today`: when the local day began; older missed calls are not shown."""
    async with pool.acquire() as conn:
        users = await organisation.all_users(conn)
        rules = await settings.load(conn)
        # Nobody is asked for rights here: each viewer's own are applied when the panel shows what is read now.
        viewer = next((user for user in users if user.role in (Role.ADMIN, Role.SUPERVISOR)), None)
        return Seed(
            people=[person_of(user) for user in users if user.extension or user.window],
            registered=registered,
            lines=[
                Line(number=line.number, name=line.name, agents=tuple(line.agents))
                for line in await telephony.lines(conn)
            ],
            missed=await _missed(conn, viewer, today, rules.region) if viewer else (),
            services=[
                ServiceView(id=each.id, code=each.code, name=dict(each.name)) for each in await hall.services(conn)
            ],
            tickets=[_ticket(ticket) for ticket in await hall.waiting(conn, viewer)] if viewer else (),
            board=[
                BoardLineView(number=line.number, window=line.window, called_at=line.called_at)
                for line in await hall.board(conn)
            ],
            declared={
                will.user_id: Declared(will.will, will.reason, will.since) for will in await telephony.last_wills(conn)
            },
            undisturbed=[extension for extension, each in wishes.items() if each.do_not_disturb],
            forwarded={extension: frozenset(each.forwards) for extension, each in wishes.items() if each.forwards},
            statuses={each.key: each.name for each in await user_statuses(conn)},
            shortest=rules.min_number_length,
        )


def shown_callbacks(promised: Sequence[OwedCallback], region: str) -> list[Owed]:
    return [
        Owed(
            id=each.id,
            line=each.line,
            party=Party(number=each.number, name=each.name, e164=normalise(each.number, region=region).e164),
            since=each.joined_at,
            tries=each.tries,
            again_at=each.again_at,
        )
        for each in promised
    ]


def _ticket(ticket: WaitingTicket) -> Ticket:
    return Ticket(
        id=ticket.id,
        number=ticket.number,
        service=ticket.service_id,
        starts_at=ticket.starts_at,
        booked=ticket.booked,
        state=TicketState(ticket.state.value),
        window=ticket.window,
        user=ticket.called_by,
    )


async def _missed(conn: Connection, viewer: User, today: datetime, region: str) -> list[Missed]:
    found: dict[str, Missed] = {}
    for call in reversed(await follow_ups.missed_today(conn, viewer, since=today)):
        known(call, found, region=region)
    return list(found.values())
