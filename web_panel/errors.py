"""Every refusal, mapped once to a status and to `{"error": key, "message": text}`; `"field"` names one at fault.

    NotSignedIn, SignInRefused 401      Forbidden, ForeignOrigin 403    NotFound 404
    AlreadyClaimed, AlreadyClosed 409   ControlRefused 409, 403, 404    Refused, Invalid, BadSetting, bad input 400
    NotYours, TooManyWebhooks 409       BadRange 416                        TooMany 429
    EntryTaken, SystemEntry, StatusesNotUsed, TooManyStatuses 409
    ListNameTaken, TooManyLists, TooManyDispositions 409               BadList, WhenMissing 400
    FlowChanged, SettingsChanged, TooManyFlows, TooManyLines, LineNotConfigured 409
    KeyNameTaken, TooManyKeys 409
    PeriodTooLong 400                   PromptRefused 409, 400
    BadData, RecursionError 400: what the data base cannot hold, and what nobody can read
    DatabaseAway, SpoolFull 503
    anything else 500, logged

The keys are texts too (`error.<key>` in `locale/`): the message is in the language of the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException

from callflow.control import ControlRefused
from crm_core.access import Forbidden, NotFound
from crm_core.database import UNHELD, BadData
from crm_core.dialling.dispositions import TooManyDispositions, WhenMissing
from crm_core.dialling.lists import BadList, ListNameTaken, TooManyLists
from crm_core.dictionaries import EntryTaken
from crm_core.dictionaries.user_statuses import StatusesNotUsed, SystemEntry, TooManyStatuses
from crm_core.follow_ups import AlreadyClaimed, AlreadyClosed
from crm_core.hall import NotYours, Refused
from crm_core.organisation import User
from crm_core.reports import PeriodTooLong
from crm_core.settings import BadSetting
from crm_core.sharing import TooManyWebhooks
from crm_core.sharing.api_keys import KeyNameTaken, TooManyKeys
from crm_core.spool import SpoolFull
from crm_core.telephony.flows import FlowChanged, TooManyFlows
from crm_core.telephony.line_changes import LineNotConfigured, SettingsChanged, TooManyLines
from web_panel.auth import NotSignedIn
from web_panel.database_away import AWAY, DatabaseAway
from web_panel.ports import PromptRefused
from web_panel.rate_limit import TooMany
from web_panel.recording_audio import BadRange
from web_panel.security import ForeignOrigin
from web_panel.texts import accepted_language, text

log = structlog.get_logger(__name__)

MISSING = re.compile(r"missing required field `([^`]{1,100})`")
HTTP_KEYS: Mapping[int, str] = {
    400: "invalid",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "not_allowed",
    413: "too_large",
    415: "invalid",
}
CONFLICTS = ("prompt_in_use", "too_many_prompts")
CONTROL_STATUS: Mapping[str, int] = {
    "forbidden": 403,
    "unknown_call": 404,
    "unknown_callback": 404,
    "unknown_preview": 404,
    "out_of_range": 400,
    "unknown_line": 404,
}


class SignInRefused(Exception):
    """No such login, or not its password: never said which."""


class Invalid(Exception):
    """The request is well formed and makes no sense. `field` is at fault, `key` says why."""

    def __init__(self, field: str, key: str = "invalid") -> None:
        super().__init__(f"{field}: {key}")
        self.field = field
        self.key = key


AnyRequest = Request[User, str | None, State]
Refusal = Response[dict[str, str]]


def problem(
    request: AnyRequest, status: int, key: str, *, field: str | None = None, retry_after: int | None = None
) -> Refusal:
    """The one shape of a refusal."""
    language = language_of(request)
    message = text(f"error.{key}", language, seconds=str(retry_after or ""))
    body = {"error": key, "message": message}
    if field is not None:
        named = text(f"field.{field}", language)
        body["field"] = field
        body["message"] = f"{field if named.startswith('field.') else named}: {message}"
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def language_of(request: AnyRequest) -> str:
    """The signed-in person's language, else what the browser accepts, else the installation's."""
    header = request.headers.get("accept-language", "")
    user = request.scope.get("user")
    default = user.locale if isinstance(user, User) else request.app.state["services"].settings.language
    return accepted_language(header, default)


def http_error(request: AnyRequest, error: HTTPException) -> Refusal:
    return problem(request, error.status_code, HTTP_KEYS.get(error.status_code, "failed"))


def invalid_input(request: AnyRequest, error: ValidationException) -> Refusal:
    """R-QUEUE-19: a missing or wrong field is named."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    missing = MISSING.search(str(first.get("message", "")))
    if missing:
        return problem(request, 400, "required", field=missing[1])
    field = str(first.get("key", ""))
    return problem(request, 400, "invalid", field=field if field not in ("", "data") else None)


def refused(request: AnyRequest, error: Refused) -> Refusal:
    return problem(request, 400, error.reason, field=error.field)


def invalid(request: AnyRequest, error: Invalid) -> Refusal:
    return problem(request, 400, error.key, field=error.field)


def bad_list(request: AnyRequest, error: BadList) -> Refusal:
    return problem(request, 400, "invalid", field=error.field)


def when_missing(request: AnyRequest, _: WhenMissing) -> Refusal:
    return problem(request, 400, "invalid", field="at")


def period_too_long(request: AnyRequest, _: PeriodTooLong) -> Refusal:
    return problem(request, 400, "invalid", field="until")


def prompt_refused(request: AnyRequest, error: PromptRefused) -> Refusal:
    return problem(request, 409 if error.reason in CONFLICTS else 400, error.reason, field=error.field)


def control_refused(request: AnyRequest, error: ControlRefused) -> Refusal:
    return problem(request, CONTROL_STATUS.get(error.reason, 409), error.reason)


def too_many(request: AnyRequest, error: TooMany) -> Refusal:
    return problem(request, 429, "too_many", retry_after=error.retry_after)


def away(request: AnyRequest, error: Exception) -> Refusal:
    log.warning("database_away", path=request.url.path, error=repr(error))
    return problem(request, 503, "database_away", retry_after=5)


def not_kept(request: AnyRequest, error: SpoolFull) -> Refusal:
    """What cannot be told cannot be done: nothing has changed."""
    log.warning("spool_full", path=request.url.path, error=str(error))
    return problem(request, 503, "spool_full", retry_after=5)


def internal(request: AnyRequest, error: Exception) -> Refusal:
    log.error("request_failed", path=request.url.path, method=request.method, exc_info=error)
    return problem(request, 500, "failed")


def unheld(request: AnyRequest, error: BadData) -> Refusal:
    """Given values that the data base cannot hold are the caller's fault; its other data errors are ours."""
    return problem(request, 400, "invalid") if type(error) in UNHELD else internal(request, error)


def bad_range(request: AnyRequest, error: BadRange) -> Refusal:
    refusal = problem(request, 416, "invalid", field="range")
    refusal.headers["Content-Range"] = f"bytes */{error.size}"
    return refusal


def simple(status: int, key: str) -> Callable[[AnyRequest, Exception], Refusal]:
    def handler(request: AnyRequest, _: Exception) -> Refusal:
        return problem(request, status, key)

    return handler


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[..., Refusal]] = {
    NotSignedIn: simple(401, "not_signed_in"),
    SignInRefused: simple(401, "sign_in_refused"),
    Forbidden: simple(403, "forbidden"),
    ForeignOrigin: simple(403, "foreign_origin"),
    NotFound: simple(404, "not_found"),
    AlreadyClosed: simple(409, "already_closed"),
    AlreadyClaimed: simple(409, "already_claimed"),
    TooManyWebhooks: simple(409, "too_many_webhooks"),
    TooManyKeys: simple(409, "too_many_keys"),
    KeyNameTaken: simple(409, "key_name_taken"),
    TooManyFlows: simple(409, "too_many_flows"),
    EntryTaken: simple(409, "entry_taken"),
    SystemEntry: simple(409, "system_entry"),
    TooManyStatuses: simple(409, "too_many_statuses"),
    StatusesNotUsed: simple(409, "statuses_not_used"),
    SettingsChanged: simple(409, "settings_changed"),
    LineNotConfigured: simple(409, "line_not_configured"),
    TooManyLines: simple(409, "too_many_lines"),
    FlowChanged: simple(409, "flow_changed"),
    NotYours: simple(409, "not_yours"),
    ControlRefused: control_refused,
    Refused: refused,
    ListNameTaken: simple(409, "entry_taken"),
    TooManyLists: simple(409, "too_many_lists"),
    TooManyDispositions: simple(409, "too_many_dispositions"),
    BadList: bad_list,
    WhenMissing: when_missing,
    BadSetting: simple(400, "invalid"),
    Invalid: invalid,
    PeriodTooLong: period_too_long,
    PromptRefused: prompt_refused,
    ValidationException: invalid_input,
    BadData: unheld,
    RecursionError: simple(400, "invalid"),  # JSON of thousands of brackets
    HTTPException: http_error,
    BadRange: bad_range,
    TooMany: too_many,
    DatabaseAway: away,
    SpoolFull: not_kept,
    **dict.fromkeys(AWAY, away),
    Exception: internal,
}
