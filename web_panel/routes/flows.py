"""Call flows: draft, check, trial, publishing, versions.

A flow is checked and tried in a thread: two thousand paths take a second, and callers shall not notice it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from callflow.flows import model
from callflow.flows.book import Published
from callflow.flows.findings import Finding, found
from callflow.flows.model import BadFlow, Flow
from callflow.flows.simulating import Path, simulate
from callflow.saying import Language
from crm_core.access import NotFound, Right
from crm_core.database import Connection
from crm_core.organisation import User
from crm_core.telephony import flows
from crm_core.telephony.flows import Draft, FlowVersion, NotPublishable
from web_panel.auth import needs
from web_panel.errors import Invalid, language_of
from web_panel.ports import PanelServices
from web_panel.routes.dependencies import UserRequest

RULE = {"rule": needs(Right.CHANGE_FLOWS)}
NUMBER = msgspec.json.Decoder(model.Number)


class FlowView(msgspec.Struct, kw_only=True):
    """`version`: that is published; `met`: that callers meet (0: the configuration's)."""

    number: str
    name: str
    revision: int
    version: int | None
    met: int | None
    changed_at: datetime


class DraftView(msgspec.Struct, kw_only=True):
    """`revision` 0: nobody has saved it yet; then it is the configuration's."""

    number: str
    flow: Flow
    revision: int
    version: int | None


class FoundView(msgspec.Struct, kw_only=True):
    """`text`: in the reader's language."""

    key: str
    node: str
    parameters: Mapping[str, str]
    hinders: bool
    text: str


class Checked(msgspec.Struct, kw_only=True):
    findings: list[FoundView]


class Tried(msgspec.Struct, kw_only=True):
    findings: list[FoundView]
    paths: tuple[Path, ...]
    longest: float  # seconds


class GivenFlow(msgspec.Struct, kw_only=True):
    """None: the draft that is saved."""

    flow: dict[str, Any] | None = None


class NewDraft(msgspec.Struct, kw_only=True):
    flow: dict[str, Any]
    revision: Annotated[int, msgspec.Meta(ge=0)]


class Revision(msgspec.Struct, kw_only=True):
    revision: int


class Version(msgspec.Struct, kw_only=True):
    version: int


class FlowController(Controller):
    path = "/api/flows"
    tags = ("flows",)

    @get(opt=RULE)
    async def read(
        self,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> list[FlowView]:
        """All that have a draft."""
        return [
            FlowView(
                number=each.number,
                name=each.flow.name,
                revision=each.revision,
                version=each.version,
                met=_met(services, each.number),
                changed_at=each.changed_at,
            )
            for each in await flows.flows(conn, user)
        ]

    @get("/schema", opt=RULE)
    async def shape(self) -> dict[str, Any]:
        """JSON Schema of a flow."""
        return model.schema()

    @get("/{number:str}/draft", opt=RULE)
    async def draft(
        self,
        number: FromPath[str],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> DraftView:
        """404 when nobody knows the flow."""
        kept = await _kept(conn, user, number, services)
        return DraftView(number=number, flow=kept.flow, revision=kept.revision, version=kept.version)

    @put("/{number:str}/draft", opt=RULE)
    async def save(
        self,
        number: FromPath[str],
        data: JSONBody[NewDraft],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Revision:
        """Keep it, right or not, as long as it has the shape of a flow. `revision`: of the draft that was changed, 0
        for the first; 409 when somebody else has saved meanwhile."""
        saved = await flows.save_draft(
            conn, user, _number(number), _read(data.flow), revision=data.revision, now=services.clock()
        )
        return Revision(revision=saved)

    @post("/{number:str}/validate", opt=RULE, status_code=200)
    async def validate(
        self,
        number: FromPath[str],
        data: JSONBody[GivenFlow],
        request: UserRequest,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Checked:
        """Everything that is wrong with it; nothing that hinders: it may be published."""
        try:
            flow = await _given(conn, user, number, data, services)
        except BadFlow as wrong:
            return Checked(findings=_shown(request, [found("malformed", reason=wrong)]))
        findings = await asyncio.to_thread(flows.examine, number, flow, services.flow_surroundings)
        return Checked(findings=_shown(request, findings))

    @post("/{number:str}/simulate", opt=RULE, status_code=200)
    async def try_out(
        self,
        number: FromPath[str],
        data: JSONBody[GivenFlow],
        request: UserRequest,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Tried:
        """Every path: what a caller hears and presses, where it ends, after how many seconds."""
        try:
            flow = await _given(conn, user, number, data, services)
        except BadFlow:
            raise Invalid("flow") from None
        tried = await asyncio.to_thread(simulate, flow, services.flow_surroundings)
        return Tried(findings=_shown(request, tried.findings), paths=tried.paths, longest=tried.longest)

    @post("/{number:str}/publish", opt=RULE, status_code=200)
    async def publish(
        self,
        number: FromPath[str],
        data: JSONBody[Revision],
        request: UserRequest,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Response[Version | Checked]:
        """Let callers meet the draft from now on. 409 with findings when something hinders."""
        try:
            version = await flows.publish(
                conn, user, number, services.flow_surroundings, revision=data.revision, now=services.clock()
            )
        except NotPublishable as refused:
            return Response(Checked(findings=_shown(request, refused.findings)), status_code=409)
        await services.flows_changed(conn)
        return Response(Version(version=version))

    @get("/{number:str}/versions", opt=RULE)
    async def versions(
        self, number: FromPath[str], user: NamedDependency[User], conn: NamedDependency[Connection]
    ) -> list[FlowVersion]:
        """The newest first."""
        return await flows.versions(conn, user, number)

    @get("/{number:str}/versions/{version:int}", opt=RULE)
    async def version(
        self,
        number: FromPath[str],
        version: FromPath[int],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
    ) -> Flow:
        return await flows.version_of(conn, user, number, version)

    @post("/{number:str}/roll-back", opt=RULE, status_code=200)
    async def roll_back(
        self,
        number: FromPath[str],
        data: JSONBody[Version],
        request: UserRequest,
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> Response[Version | Checked]:
        """Let callers meet an earlier version again. 409 with findings when what it names is gone."""
        try:
            await flows.roll_back(conn, user, number, data.version, services.flow_surroundings)
        except NotPublishable as refused:
            return Response(Checked(findings=_shown(request, refused.findings)), status_code=409)
        await services.flows_changed(conn)
        return Response(data)

    @delete("/{number:str}", opt=RULE, status_code=204)
    async def withdraw(
        self,
        number: FromPath[str],
        user: NamedDependency[User],
        conn: NamedDependency[Connection],
        services: NamedDependency[PanelServices],
    ) -> None:
        """Callers meet it no more. Draft and versions stay."""
        await flows.withdraw(conn, user, number)
        await services.flows_changed(conn)


def _met(services: PanelServices, number: str) -> int | None:
    flow = services.flows.get(number)
    return flow.version if flow is not None else None


async def _kept(conn: Connection, user: User, number: str, services: PanelServices) -> Draft:
    """The draft; or, before the first one, what the configuration says. Raises NotFound, Forbidden."""
    try:
        return await flows.draft(conn, user, number)
    except NotFound:
        own = services.flows.own.get(number)
        if not isinstance(own, Published):
            raise
        return Draft(number=number, flow=own.flow, revision=0, changed_at=services.clock(), version=None)


async def _given(conn: Connection, user: User, number: str, data: GivenFlow, services: PanelServices) -> Flow:
    """Raises BadFlow, NotFound, Forbidden."""
    if data.flow is None:
        return (await _kept(conn, user, number, services)).flow
    return model.read(msgspec.json.encode(data.flow))


def _read(flow: dict[str, Any]) -> Flow:
    try:
        return model.read(msgspec.json.encode(flow))
    except BadFlow:
        raise Invalid("flow") from None


def _number(number: str) -> str:
    try:
        return NUMBER.decode(msgspec.json.encode(number))
    except msgspec.ValidationError:
        raise Invalid("number") from None


def _shown(request: UserRequest, findings: Iterable[Finding]) -> list[FoundView]:
    language = Language(language_of(request))
    return [
        FoundView(
            key=each.key,
            node=each.node,
            parameters=each.parameters,
            hinders=each.hinders,
            text=each.sentence(language),
        )
        for each in findings
    ]
