"""Presence documents: PIDF (RFC 3863) with the activities of RPID (RFC 4480), as softphones read them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from xml.etree import ElementTree

from pbx.sip import xml_text
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import readable

MEDIA_TYPE = "application/pidf+xml"
LONGEST_NOTE = 100

_PIDF = "urn:ietf:params:xml:ns:pidf"
_DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model"
_RPID = "urn:ietf:params:xml:ns:pidf:rpid"


class Activity(Enum):
    """What somebody does: the basic status, the RPID activities, and the words that phones show."""

    OFFLINE = ("closed", (), "Offline")
    ONLINE = ("open", (), "Online")
    RINGING = ("open", ("busy",), "Ringing")
    CALLING = ("open", ("on-the-phone", "busy"), "Calling")
    ON_THE_PHONE = ("open", ("on-the-phone", "busy"), "On the phone")
    ON_HOLD = ("open", ("on-the-phone", "busy"), "On hold")
    AWAY = ("open", ("away",), "Away")
    DO_NOT_DISTURB = ("open", ("busy",), "Do not disturb")

    def __init__(self, basic: str, rpid: tuple[str, ...], words: str) -> None:
        self.basic = basic
        self.rpid = rpid
        self.words = words


@dataclass(frozen=True, slots=True)
class Status:
    """`note`: what the person says of it, in place of our words."""

    activity: Activity
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a phone says of its user. Whether somebody talks is not taken from there: that we know ourselves."""

    is_open: bool = True
    is_away: bool = False
    do_not_disturb: bool = False
    note: str = ""


_AWAY = frozenset({"away", "holiday", "in-transit", "meal", "permanent-absence", "sleeping", "travel", "vacation"})
_DISTURBED = frozenset({"busy", "appointment", "meeting", "performance", "presentation", "worship"})


def document(entity: str, status: Status) -> bytes:
    """What a watcher of `entity` is told."""
    activity = status.activity
    note = xml_text.text(status.note or activity.words)
    uri = xml_text.text(entity)
    doing = "".join(f"<rpid:{name}/>" for name in activity.rpid)
    return (
        f"{xml_text.HEAD}"
        f'<presence xmlns="{_PIDF}" xmlns:dm="{_DATA_MODEL}" xmlns:rpid="{_RPID}" entity="{uri}">\n'
        f'<tuple id="dzvin"><status><basic>{activity.basic}</basic></status>'
        f'<contact priority="1.0">{uri}</contact><note>{note}</note></tuple>\n'
        # Phones look for the activities in <person>; its note stands for those that show only that.
        f'<dm:person id="person"><rpid:activities>{doing or "<rpid:unknown/>"}</rpid:activities>'
        f"<dm:note>{note}</dm:note></dm:person>\n"
        "</presence>\n"
    ).encode()


def read(body: bytes) -> Published:
    """What a phone publishes. Raises RemoteProtocolError: 413, 400."""
    root = xml_text.read(body)
    if xml_text.local_name(root) != "presence":
        raise RemoteProtocolError("not a presence document")
    basics = [(element.text or "").strip().lower() for element in _all(root, "basic")]
    activities = {xml_text.local_name(each) for found in _all(root, "activities") for each in found}
    notes = [note for element in _all(root, "note") if (note := readable((element.text or "").strip()))]
    on_the_phone = "on-the-phone" in activities
    return Published(
        is_open="open" in basics or not basics,
        is_away=bool(activities & _AWAY),
        # "busy" beside "on-the-phone" is a call, and ends with it.
        do_not_disturb=bool(activities & _DISTURBED) and not on_the_phone,
        note="" if on_the_phone or not notes else notes[0][:LONGEST_NOTE],
    )


def _all(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if xml_text.local_name(element) == name]
