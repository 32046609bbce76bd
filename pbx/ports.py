"""What the switchboard needs from the rooms above it. They are handed in by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pbx.net.transport import Flow
from pbx.sip.dialog_info import DialogInfo
from pbx.sip.digest import Algorithm
from pbx.sip.message_summary import Waiting
from pbx.sip.pidf import Status
from pbx.sip.registrar import Binding
from pbx.trunks.settings import TrunkSettings


@dataclass(frozen=True, slots=True)
class Account:
    """One SIP account. `ha1` holds H(user:realm:password) for each algorithm that the account may use, in the order
    in which they are offered; the password itself is not kept (R-PHONE-54)."""

    user: str
    ha1: Mapping[Algorithm, str]


class Accounts(Protocol):
    def account(self, user: str) -> Account | None:
        """The account of that SIP number, or None (R-PHONE-52)."""


@dataclass(frozen=True, slots=True)
class Door:
    """A source that may place calls without digest: a trunk known by its address, or a trusted test peer."""

    name: str
    trunk: TrunkSettings | None = None  # a trunk's calls come from outside: real caller ids, DIDs, as these say
    numbers: frozenset[str] | None = None  # only these numbers; None = any


class Doors(Protocol):
    def door(self, flow: Flow, number: str) -> Door | None:
        """The door that this source may use to call `number`, or None: then it is challenged like anybody."""


class BindingStore(Protocol):
    """Keeps registrations over a restart. Never waited for."""

    def save(self, aor: str, bindings: tuple[Binding, ...]) -> None: ...


class Watched(Protocol):
    """What may be told of an extension to those who watch it. Everything is computed when it is asked for."""

    def exists(self, extension: str) -> bool: ...

    def may_watch(self, watcher: str, extension: str) -> bool:
        """May that extension see what this one does (R-PHONE-48)?"""

    def status(self, extension: str) -> Status: ...

    def dialogs(self, watcher: str, extension: str) -> tuple[DialogInfo, ...]:
        """Its live dialogs, as much of them as that watcher may know."""


class Mailboxes(Protocol):
    def waiting(self, extension: str) -> Waiting:
        """What lies in the mailbox of that extension."""
