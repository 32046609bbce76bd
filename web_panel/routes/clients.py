"""Clients as far as calls need them: whose a number is, and making a client of a caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from crm_core import clients, events, settings
from crm_core.access import Right
from crm_core.clients import Candidate, FoundClients, NewClient, NewContact, UnknownCaller, normalise
from crm_core.database import Connection
from crm_core.organisation import User
from web_panel.auth import needs
from web_panel.routes.events import Made

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Phones = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]], msgspec.Meta(max_length=50)]


class ContactPerson(msgspec.Struct, kw_only=True):
    name: Name
    job_title: Annotated[str, msgspec.Meta(max_length=300)] = ""
    phones: Phones = []


class Client(msgspec.Struct, kw_only=True):
    """`event_id`: made of the caller there, who has the number and becomes the client of that event."""

    name: Name
    phones: Phones = []
    contacts: Annotated[list[ContactPerson], msgspec.Meta(max_length=50)] = []
    event_id: UUID | None = None


class Marks(msgspec.Struct, kw_only=True):
    """What the card says of a client; what is left out stays. An empty language: not known."""

    language: Literal["uk", "en", "ru", ""] | None = None
    black_listed: bool | None = None


class Whose(msgspec.Struct):
    """`e164`: None where the text is no number of the public network."""

    e164: str | None
    candidates: Sequence[Candidate]


class ClientController(Controller):
    path = "/api/clients"
    tags = ("clients",)

    @get(opt={"rule": needs(Right.SEE_CLIENTS)})
    async def search(
        self, text: FromQuery[str], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> FoundClients:
        """By a part of the name, or by a number or its beginning: the first twenty."""
        return await clients.search(conn, user, text)

    @get("/by-phone", opt={"rule": needs(Right.SEE_CLIENTS)})
    async def by_phone(
        self, number: FromQuery[str], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> Whose:
        """Whose number it is, the surest first, each with a confidence."""
        e164 = normalise(number[:64], region=(await settings.load(conn)).region).e164
        return Whose(e164, await clients.candidates(conn, user, e164) if e164 else [])

    @get("/unknown-callers", opt={"rule": needs(Right.SEE_CLIENTS)})
    async def unknown_callers(
        self, user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> list[UnknownCaller]:
        """Callers who are nobody's, the latest first."""
        return await clients.unknown_callers(conn, user)

    @post(opt={"rule": needs(Right.WRITE_CLIENTS)}, status_code=201)
    async def create(
        self, data: JSONBody[Client], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> Made:
        """Register a client with its contact persons; of a caller in one click where `event_id` says which."""
        new = NewClient(
            name=data.name.replace("\0", ""),
            phones=[phone.replace("\0", "") for phone in data.phones],
            contacts=[
                NewContact(
                    name=contact.name.replace("\0", ""),
                    job_title=contact.job_title.replace("\0", ""),
                    phones=[phone.replace("\0", "") for phone in contact.phones],
                )
                for contact in data.contacts
            ],
        )
        async with conn.transaction():
            if data.event_id is not None:
                await events.card(conn, user, data.event_id)  # not found, if it may not be seen
            client_id = await clients.create(conn, user, new)
            if data.event_id is not None:
                await clients.choose(conn, user, data.event_id, client_id, None)
        return Made(client_id)

    @patch("/{client_id:uuid}", opt={"rule": needs(Right.WRITE_CLIENTS)}, status_code=204)
    async def mark(
        self,
        client_id: FromPath[UUID],
        data: JSONBody[Marks],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> None:
        """The language in which the client is spoken to, and whether the client stands on the black list."""
        await clients.mark(conn, user, client_id, language=data.language, black_listed=data.black_listed)
