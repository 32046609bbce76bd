"""The dialogs of one leg, made again of its messages (RFC 3261 §12, `pbx.sip.dialog`)."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

from pbx.sip.dialog import Dialog, DialogState
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, Response
from pbx.trace.file import DialogMark
from pbx.trace.verdict import Unknown, compare

# The peer's requests whose acceptance moves the remote target of an INVITE's dialog (§12.2, RFC 3311 §5, RFC 3515).
REFRESH = frozenset({"INVITE", "UPDATE", "REFER"})
MAX_REQUESTS = 64  # that are remembered until their answers

Key = TypeVar("Key")


class Dialogs:
    def __init__(self) -> None:
        self._dialogs: dict[str, Dialog] = {}  # by the other side's tag
        self._invite: Request | None = None  # the one that makes the dialog, from either side
        self._theirs: dict[tuple[int, str], Request] = {}
        self._ours: dict[tuple[int, str, str], Request] = {}
        self._acknowledged: set[str] = set()
        self._cut = False

    def cut(self) -> None:
        """Records are missing here: nothing can be said of this leg's dialogs any more."""
        self._cut = True

    # ---- what came -------------------------------------------------------------------------------------------------

    def received(self, message: Request | Response) -> None:
        if isinstance(message, Response):
            # A Contact that cannot be read makes no dialog.
            with suppress(RemoteProtocolError):
                self._answered(message)
        elif message.method == "INVITE" and not message.to.tag and self._invite is None:
            self._invite = message

    def accepted(self, request: Request) -> None:
        """A transaction was made for that request."""
        dialog = self._dialogs.get(request.from_.tag or "")
        if dialog is None or not request.to.tag:
            return
        _keep(self._theirs, (request.cseq.number, request.method), request)
        try:
            dialog.receive(request)
        except RemoteProtocolError:
            return  # out of order; it changes nothing, and its answer is the user's

    def _answered(self, response: Response) -> None:
        tag = response.to.tag or ""
        asked = self._ours.get((response.cseq.number, response.cseq.method, tag))
        if asked is not None:
            dialog = self._dialogs.get(asked.to.tag or "")
            if dialog is not None and response.is_success:
                dialog.refresh(response)
            return
        invite = self._invite
        if invite is None or response.cseq != invite.cseq or response.status in (100, 199) or not _may_make(response):
            return
        dialog = self._dialogs.get(tag)
        if dialog is None and (tag or response.is_success):
            self._dialogs[tag] = Dialog.from_uac(invite, response)
        elif dialog is not None and response.is_success and tag not in self._acknowledged:
            dialog.confirm(response)
        if response.is_success:
            self._acknowledged.add(tag)

    # ---- what left -------------------------------------------------------------------------------------------------

    def sent(self, message: Request | Response) -> None:
        """Raises Differs when the dialog would have made another request."""
        if isinstance(message, Response):
            self._answer(message)
        elif message.method == "INVITE" and not message.to.tag:
            self._invite = message
            self._dialogs.clear()
        elif message.method not in ("ACK", "CANCEL"):
            self._asked(message)

    def _asked(self, request: Request) -> None:
        key = (request.cseq.number, request.method, request.to.tag or "")
        if key in self._ours:
            return  # sent again
        _keep(self._ours, key, request)
        if self._cut:
            raise Unknown
        dialog = self._dialogs.get(request.to.tag or "")
        made = dialog.request(request.method, via=request.headers.get("via") or "") if dialog is not None else None
        compare("request inside the dialog", _of_dialog(request), _of_dialog(made) if made is not None else "none")

    def _answer(self, response: Response) -> None:
        number, method = response.cseq.number, response.cseq.method
        invite, tag = self._invite, response.from_.tag or ""
        if invite is not None and response.cseq == invite.cseq and response.to.tag and _may_make(response):
            dialog = self._dialogs.get(tag)
            if dialog is None and response.status > 100:
                dialog = self._dialogs[tag] = Dialog.from_uas(invite, response)
            if dialog is not None and response.is_success:
                dialog.confirm()
            return
        request = self._theirs.pop((number, method), None) if response.is_final else None
        dialog = self._dialogs.get(tag)
        if request is None or dialog is None or not response.is_success:
            return
        if method in REFRESH:
            dialog.refresh(request)
        elif method == "BYE":
            dialog.terminate()

    # ---- what was noted --------------------------------------------------------------------------------------------

    def compare(self, mark: DialogMark) -> None:
        """Raises Differs, Unknown."""
        if self._cut:
            raise Unknown
        dialog = self._dialogs.get(mark.remote_tag)
        if dialog is not None and mark.state == DialogState.TERMINATED.value:
            dialog.terminate()  # the leg may end it at any time, for reasons of its own
        noted = _shown(mark.state, mark.local_cseq, mark.remote_cseq, mark.remote_target)
        compare("dialog", noted, _state(dialog) if dialog is not None else "none")


def _may_make(response: Response) -> bool:
    """§12.1: "Dialogs are created through the generation of non-failure responses"."""
    return response.status < 300


def _keep(requests: dict[Key, Request], key: Key, request: Request) -> None:
    requests[key] = request
    if len(requests) > MAX_REQUESTS:
        del requests[next(iter(requests))]


def _of_dialog(request: Request) -> str:
    """What the dialog decides of a request (§12.2.1.1)."""
    headers = request.headers
    values = (headers.get("from"), headers.get("to"), headers.get("call-id"), headers.get("cseq"))
    return " | ".join((request.uri, *headers.all("route"), *(value or "-" for value in values)))


def _state(dialog: Dialog) -> str:
    return _shown(dialog.state.value, dialog.local_cseq, dialog.remote_cseq, dialog.remote_target)


def _shown(state: str, local_cseq: int | None, remote_cseq: int | None, remote_target: str) -> str:
    return f"{state}, CSeq {local_cseq or '-'} and {remote_cseq or '-'}, {remote_target}"
