"""Dialog documents (RFC 4235): what a busy lamp shows of somebody's calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pbx.sip import xml_text

MEDIA_TYPE = "application/dialog-info+xml"
_NAMESPACE = "urn:ietf:params:xml:ns:dialog-info"


class DialogInfoState(StrEnum):
    """§3.7.1, as far as a server sees it."""

    TRYING = "trying"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogInfo:
    """One dialog, from the side of the phone that is watched: `local` is that phone. `id` is the same as long as the
    dialog lives. `remote`: who is at the other end, "" when watchers are not told. Tags are "" while unknown."""

    id: str
    state: DialogInfoState
    initiator: bool  # the phone placed the call
    sip_call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    held: bool = False
    remote: str = ""
    remote_name: str = ""


def document(entity: str, version: int, dialogs: Iterable[DialogInfo], *, whole: bool) -> bytes:
    uri = xml_text.text(entity)
    state = "full" if whole else "partial"
    return (
        f'{xml_text.HEAD}<dialog-info xmlns="{_NAMESPACE}" version="{version}" state="{state}" entity="{uri}">\n'
        f"{''.join(_dialog(dialog, uri) for dialog in dialogs)}</dialog-info>\n"
    ).encode()


def _dialog(dialog: DialogInfo, uri: str) -> str:
    text = xml_text.text
    names = (("call-id", dialog.sip_call_id), ("local-tag", dialog.local_tag), ("remote-tag", dialog.remote_tag))
    known = "".join(f' {name}="{text(value)}"' for name, value in names if value)
    direction = "initiator" if dialog.initiator else "recipient"
    # §4.1.6: an end that is held, or holds, does not render: RFC 3840's feature says it, and lamps blink.
    rendering = "no" if dialog.held else "yes"
    remote = ""
    if dialog.remote:
        shown = f' display="{text(dialog.remote_name)}"' if dialog.remote_name else ""
        remote = (
            f'<remote><identity{shown}>{text(dialog.remote)}</identity><target uri="{text(dialog.remote)}"/></remote>'
        )
    return (
        f'<dialog id="{text(dialog.id)}"{known} direction="{direction}"><state>{dialog.state}</state>'
        f'<local><identity>{uri}</identity><target uri="{uri}">'
        f'<param pname="+sip.rendering" pval="{rendering}"/></target></local>{remote}</dialog>\n'
    )


@dataclass(slots=True)
class DialogTeller:
    """What one watcher has been told: it is told again only what changed, under a version that grows by one (§4.1)."""

    entity: str
    _version: int = field(default=0, init=False)
    _told: Mapping[str, DialogInfo] = field(default_factory=dict, init=False)

    def tell(self, dialogs: Iterable[DialogInfo], *, whole: bool) -> bytes | None:
        """The next document; None when a partial one would hold nothing."""
        now = {dialog.id: dialog for dialog in dialogs}
        changes = [dialog for dialog in now.values() if whole or self._told.get(dialog.id) != dialog]
        # A dialog that is gone is told once more, as terminated: in a whole document too, since there are lamps that
        # go out for nothing else.
        changes += [
            replace(dialog, state=DialogInfoState.TERMINATED, held=False)
            for dialog in self._told.values()
            if dialog.id not in now
        ]
        if not changes and not whole:
            return None
        self._told = now
        body = document(self.entity, self._version, changes, whole=whole)
        self._version += 1
        return body
