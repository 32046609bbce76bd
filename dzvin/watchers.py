"""Puts together what phones may ask besides calls: watch each other, publish their presence, send text messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callflow.facts import PresencePublished
from callflow.watching import NoMailboxes, Watching, WatchRules
from callflow.wishes import WishBook
from crm_core.spool import Spool
from dzvin import switchboard
from dzvin.clock import SystemClock, fresh_id
from dzvin.config import Config
from pbx.endpoint import Endpoint
from pbx.event_packages import DIALOG, PRESENCE, DialogPackage, MessageSummaryPackage, PresencePackage
from pbx.page_messages import PageMessages
from pbx.publications import Publications
from pbx.sip.pidf import Published
from pbx.sip.subscription import Limits
from pbx.subscriptions import Subscriptions
from pbx.user_agent import UserAgent
from queue_engine.facts import Will


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    watching: Watching
    subscriptions: Subscriptions
    publications: Publications
    messages: PageMessages


def watchers(
    config: Config,
    spool: Spool,
    endpoint: Endpoint,
    user_agent: UserAgent,
    accounts: switchboard.ConfiguredAccounts,
    will: Callable[[str], Will],
    wishes: WishBook,
) -> Watchers:
    """From here on phones that ask are answered. `close` the subscriptions at the end."""
    sip = config.sip
    limits = Limits(minimum=sip.min_expires, default=sip.default_expires, maximum=sip.max_expires)
    publications = Publications(endpoint, _published(spool), limits=limits)
    registrations = user_agent.registrations
    watching = Watching(
        extensions=accounts,
        reachable=lambda extension: bool(registrations.bindings(extension)),
        will=will,
        says=publications.says,
        undisturbed=lambda extension: wishes.of(extension).do_not_disturb,
        domain=endpoint.domain,
        rules=_rules(config),
        names=switchboard.names(config),
    )
    packages = (PresencePackage(watching), DialogPackage(watching), MessageSummaryPackage(NoMailboxes()))
    subscriptions = Subscriptions(endpoint, packages, limits=limits)
    messages = PageMessages(endpoint, user_agent.phones_of, watching.exists)

    def changed(extension: str) -> None:
        subscriptions.changed(PRESENCE, extension)
        subscriptions.changed(DIALOG, extension)

    watching.on_change = changed
    spool.subscribe(watching.on_fact)
    user_agent.answers("SUBSCRIBE", subscriptions.subscribe, keeps_dialogs=True)
    user_agent.answers("PUBLISH", publications.publish)
    user_agent.answers("MESSAGE", messages.message)
    return Watchers(watching=watching, subscriptions=subscriptions, publications=publications, messages=messages)


def gauges(watchers: Watchers) -> Mapping[str, tuple[str, Callable[[], float]]]:
    return {
        "dzvin_sip_subscriptions": ("Subscriptions of phones", lambda: len(watchers.subscriptions)),
        "dzvin_sip_publications": ("Extensions whose phones say something", lambda: len(watchers.publications)),
        "dzvin_sip_messages": ("Text messages on their way", lambda: len(watchers.messages)),
    }


def _rules(config: Config) -> WatchRules:
    presence = config.presence
    return WatchRules(
        watchers=frozenset(presence.watchers), hidden=frozenset(presence.hidden), parties=presence.parties
    )


def _published(spool: Spool) -> Callable[[str, Published | None], None]:
    """Tells the ledger what it may know: away or not to be disturbed, and not what the person wrote. The fact also
    makes watchers look again."""
    clock = SystemClock()

    def tell(extension: str, says: Published | None) -> None:
        activity = ""
        if says is not None:
            activity = "dnd" if says.do_not_disturb else "away" if says.is_away or not says.is_open else ""
        spool.append(PresencePublished(id=fresh_id(), at=clock.now(), extension=extension, activity=activity))

    return tell
