"""The panel as one Litestar application: `create_app(services)`.

A handler parses, calls one function and returns. Who may call it stands beside it as its rule; refusals are mapped in
`errors`; what guards the browser stands in `security`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from web_panel.auth import PUBLIC, Guarding, Sessions, enforce
from web_panel.bearer import Keys
from web_panel.errors import EXCEPTION_HANDLERS
from web_panel.ports import PanelServices
from web_panel.rate_limit import TrustedAddresses
from web_panel.recording_audio import RecordingAudio
from web_panel.routes.agents import AgentController
from web_panel.routes.api_keys import ApiKeyController
from web_panel.routes.call_control import CallControlController
from web_panel.routes.callbacks import CallbackController
from web_panel.routes.calls import CallController
from web_panel.routes.clients import ClientController
from web_panel.routes.conferences import ConferenceController
from web_panel.routes.dependencies import DEPENDENCIES
from web_panel.routes.dialling import DialListController, DispositionController, DoNotCallController
from web_panel.routes.events import EventController
from web_panel.routes.flows import FlowController
from web_panel.routes.follow_ups import FollowUpController
from web_panel.routes.hall import HallController
from web_panel.routes.lines import LineController
from web_panel.routes.live import board, live
from web_panel.routes.machine import health, metrics
from web_panel.routes.pages import STATIC, assets, authority, page
from web_panel.routes.phone import PhoneController
from web_panel.routes.phone_socket import phone_server, phone_socket
from web_panel.routes.previews import PreviewController
from web_panel.routes.prompts import PromptController
from web_panel.routes.public import BookingLimits, PublicController
from web_panel.routes.recordings import RecordingController
from web_panel.routes.reports import ReportController
from web_panel.routes.session import SessionController
from web_panel.routes.settings import SettingsController
from web_panel.routes.sharing import WebhookController, facts, queue_log
from web_panel.routes.supervision import SupervisionController
from web_panel.routes.user_statuses import UserStatusController
from web_panel.routes.users import UserController
from web_panel.routes.waiting import WaitingController
from web_panel.security import add_headers
from web_panel.sockets import Sockets

CONTROLLERS = (
    SessionController,
    CallController,
    CallControlController,
    SupervisionController,
    ConferenceController,
    PhoneController,
    AgentController,
    LineController,
    UserStatusController,
    WaitingController,
    CallbackController,
    DialListController,
    DoNotCallController,
    PreviewController,
    DispositionController,
    EventController,
    ClientController,
    FollowUpController,
    ReportController,
    RecordingController,
    SettingsController,
    WebhookController,
    ApiKeyController,
    FlowController,
    PromptController,
    UserController,
    HallController,
    PublicController,
)
MAX_BODY = 256 * 1024  # bytes
LOOPBACK = ("127.0.0.0/8", "::1")
"""This machine may always read /metrics. It is free of limits only where the settings trust it."""


def create_app(services: PanelServices, *, static: Path = STATIC) -> Litestar:
    """The ASGI application. It opens nothing by itself: the pool, the live panel and the control are given to it."""
    return Litestar(
        route_handlers=[
            *CONTROLLERS,
            live,
            board,
            phone_server,
            phone_socket,
            facts,
            queue_log,
            health,
            metrics,
            page,
            authority,
            assets(static),
        ],
        dependencies={**DEPENDENCIES, **_own(services)},
        guards=[enforce],
        exception_handlers={**EXCEPTION_HANDLERS},
        before_send=[add_headers],
        request_max_body_size=MAX_BODY,
        state=State(
            {
                "services": services,
                "guarding": _guarding(services),
                "audio": RecordingAudio(services.recordings),
                "static": static,
            }
        ),
        openapi_config=OpenAPIConfig(
            title="Dzvin",
            version="1",
            path="/schema",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            openapi_router=Router(path="/schema", route_handlers=[], opt={"rule": PUBLIC}),
        ),
        logging_config=None,
    )


def _guarding(services: PanelServices) -> Guarding:
    settings = services.settings
    ours = {settings.public_url.rstrip("/")} if settings.public_url else set()
    return Guarding(
        sessions=Sessions(services.pool, services.clock),
        keys=Keys(services.pool, services.clock, services.limits),
        settings=settings,
        trusted=TrustedAddresses(settings.trusted),
        local=TrustedAddresses(LOOPBACK),
        origins=settings.allowed_origins | ours,
    )


def _own(services: PanelServices) -> Mapping[str, Provide]:
    """What lives as long as the application and belongs to nobody else."""
    staff_sockets, board_sockets = Sockets(each=20, altogether=500), Sockets(each=50, altogether=500)
    booking_limits = BookingLimits(services.limits)
    return {
        "staff_sockets": Provide(lambda: staff_sockets, sync_to_thread=False),
        "board_sockets": Provide(lambda: board_sockets, sync_to_thread=False),
        "booking_limits": Provide(lambda: booking_limits, sync_to_thread=False),
    }
