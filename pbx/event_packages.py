"""The event packages that phones may subscribe to: presence, dialog, message-summary."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.ports import Mailboxes, Watched
from pbx.sip import dialog_info, message_summary, pidf
from pbx.sip.errors import RemoteProtocolError

PRESENCE, DIALOG, MESSAGE_SUMMARY = "presence", "dialog", "message-summary"


@dataclass(slots=True)
class PresencePackage:
    """RFC 3856: is somebody there, and what is that person doing."""

    watched: Watched
    name: str = PRESENCE
    media_type: str = pidf.MEDIA_TYPE

    def teller(self, watcher: str, extension: str, entity: str) -> PresenceTeller:
        _check(self.watched, watcher, extension)
        return PresenceTeller(self.watched, extension, entity)


@dataclass(slots=True)
class PresenceTeller:
    watched: Watched
    extension: str
    entity: str
    _told: pidf.Status | None = field(default=None, init=False)

    def tell(self, *, whole: bool) -> bytes | None:
        status = self.watched.status(self.extension)
        if status == self._told and not whole:
            return None
        self._told = status
        return pidf.document(self.entity, status)


@dataclass(slots=True)
class DialogPackage:
    """RFC 4235: the calls of somebody, for lamps beside a name."""

    watched: Watched
    name: str = DIALOG
    media_type: str = dialog_info.MEDIA_TYPE

    def teller(self, watcher: str, extension: str, entity: str) -> DialogsTeller:
        _check(self.watched, watcher, extension)
        return DialogsTeller(self.watched, watcher, extension, dialog_info.DialogTeller(entity))


@dataclass(slots=True)
class DialogsTeller:
    watched: Watched
    watcher: str
    extension: str
    documents: dialog_info.DialogTeller

    def tell(self, *, whole: bool) -> bytes | None:
        return self.documents.tell(self.watched.dialogs(self.watcher, self.extension), whole=whole)


@dataclass(slots=True)
class MessageSummaryPackage:
    """RFC 3842: messages in one's own mailbox."""

    mailboxes: Mailboxes
    name: str = MESSAGE_SUMMARY
    media_type: str = message_summary.MEDIA_TYPE

    def teller(self, watcher: str, extension: str, entity: str) -> MessageSummaryTeller:
        if watcher != extension:
            raise RemoteProtocolError("another's mailbox", 403)
        return MessageSummaryTeller(self.mailboxes, extension, entity)


@dataclass(slots=True)
class MessageSummaryTeller:
    mailboxes: Mailboxes
    extension: str
    entity: str
    _told: message_summary.Waiting | None = field(default=None, init=False)

    def tell(self, *, whole: bool) -> bytes | None:
        waiting = self.mailboxes.waiting(self.extension)
        if waiting == self._told and not whole:
            return None
        self._told = waiting
        return message_summary.document(self.entity, waiting)


def _check(watched: Watched, watcher: str, extension: str) -> None:
    if not watched.exists(extension):
        raise RemoteProtocolError("nobody by that number", 404)
    if not watched.may_watch(watcher, extension):
        raise RemoteProtocolError("not to be watched", 403)
