"""What anybody may ask without signing in: from any website, limited by address and by phone number."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.params import HeaderParameter, JSONBody
from uuid_utils.compat import uuid7

from crm_core import hall
from crm_core.clients.phone_numbers import normalise
from crm_core.database import Connection
from crm_core.hall import Booking
from web_panel.auth import PUBLIC, address_of, is_trusted
from web_panel.errors import language_of
from web_panel.ports import PanelServices
from web_panel.rate_limit import Limits
from web_panel.routes.dependencies import UserRequest
from web_panel.texts import LANGUAGES
from web_panel.wire import BoardLineView

MAX_REMEMBERED = 10_000
ANY_WEBSITE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, Accept-Language",
    "Access-Control-Max-Age": "3600",
}
"""No cookie goes with these requests (R-QUEUE-12)."""


class About(msgspec.Struct, kw_only=True):
    company: str
    language: str
    time_zone: str


class PublicService(msgspec.Struct, kw_only=True):
    code: str
    name: dict[str, str]
    slot_minutes: int


class Book(msgspec.Struct, kw_only=True):
    """What a website sends. `starts_at` without an offset is the company's local time."""

    service_code: Annotated[str, msgspec.Meta(max_length=200)]
    starts_at: datetime
    name: Annotated[str, msgspec.Meta(max_length=200)]
    phone: Annotated[str, msgspec.Meta(max_length=200)]
    company_count: int = 1
    language: str = ""
    idempotency_key: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Booked(msgspec.Struct, kw_only=True):
    id: UUID
    number: str
    service_code: str
    starts_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class BookingLimits:
    """Ten attempts a minute for an address, three bookings an hour for a phone number. A booking that is sent again
    with its key is the same booking and counts once."""

    limits: Limits
    _booked: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def check_address(self, address: str, now: float) -> None:
        """Raises TooMany."""
        self.limits.booking_address.take(address, now)

    def check_phone(self, phone: str, key: str, now: float) -> None:
        """Raises TooMany."""
        if (phone, key) not in self._booked:
            self.limits.booking_phone.check(phone, now)

    def booked(self, phone: str, key: str, now: float) -> None:
        if (phone, key) in self._booked:
            return
        self.limits.booking_phone.hit(phone, now)
        if key:
            self._booked[phone, key] = None
            while len(self._booked) > MAX_REMEMBERED:
                self._booked.popitem(last=False)


class PublicController(Controller):
    path = "/api/public"
    tags = ("public",)
    response_headers = ANY_WEBSITE
    opt = {"rule": PUBLIC, "any_origin": True}

    @get("/about")
    async def about(self, services: NamedDependency[PanelServices]) -> About:
        """Whose panel this is."""
        settings = services.settings
        return About(company=settings.company, language=settings.language, time_zone=settings.time_zone.key)

    @get("/services")
    async def services(self, conn: NamedDependency[Connection]) -> list[PublicService]:
        """What can be booked."""
        return [
            PublicService(code=service.code, name=dict(service.name), slot_minutes=service.slot_minutes)
            for service in await hall.services(conn)
        ]

    @get("/board")
    async def board(self, services: NamedDependency[PanelServices]) -> tuple[BoardLineView, ...]:
        """R-PANEL-16: numbers and windows, last called first."""
        return services.live.board()

    @post("/bookings")
    async def book(
        self,
        data: JSONBody[Book],
        request: UserRequest,
        services: NamedDependency[PanelServices],
        booking_limits: NamedDependency[BookingLimits],
        header_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
    ) -> Booked:
        """R-QUEUE-12: book a visit from any website. A missing or wrong field is named (R-QUEUE-19); the same
        Idempotency-Key gives the same booking; 429 with Retry-After above the limits."""
        now = services.clock()
        key = (header_key or data.idempotency_key)[:200]
        phone = normalise(data.phone).e164 or data.phone
        if limited := not is_trusted(request):
            booking_limits.check_address(address_of(request), now.timestamp())
            booking_limits.check_phone(phone, key, now.timestamp())
        language = data.language if data.language in LANGUAGES else language_of(request)
        booking = Booking(
            service_code=data.service_code,
            starts_at=local(data.starts_at, services),
            name=data.name,
            phone=data.phone,
            company_count=data.company_count,
            language=language,
            idempotency_key=key or str(uuid7()),
        )
        async with services.pool.acquire(timeout=3) as conn:
            ticket = await hall.book(conn, booking, now=now)
        if limited:
            booking_limits.booked(phone, key, now.timestamp())
        return Booked(
            id=ticket.id,
            number=ticket.number,
            service_code=ticket.service_code,
            starts_at=ticket.starts_at,
            ends_at=ticket.ends_at,
        )

    @route(["/bookings", "/services", "/board", "/about"], http_method=[HttpMethod.OPTIONS], include_in_schema=False)
    async def preflight(self) -> Response[None]:
        """Browsers ask this before they post from another website."""
        return Response(None, status_code=204)


def local(moment: datetime, services: PanelServices) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=services.settings.time_zone)
