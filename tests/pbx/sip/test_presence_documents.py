"""PIDF (RFC 3863) with RPID (RFC 4480), dialog documents (RFC 4235), message summaries (RFC 3842)."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.sip import pidf, xml_text
from pbx.sip.dialog_info import DialogInfo, DialogInfoState, DialogTeller
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message_summary import Waiting, document
from pbx.sip.pidf import Activity, Published, Status

PIDF = "{urn:ietf:params:xml:ns:pidf}"
MODEL = "{urn:ietf:params:xml:ns:pidf:data-model}"
RPID = "{urn:ietf:params:xml:ns:pidf:rpid}"
INFO = "{urn:ietf:params:xml:ns:dialog-info}"
CALL = DialogInfo(
    id="a", state=DialogInfoState.EARLY, initiator=False, sip_call_id="c@x", local_tag="l", remote_tag="r"
)


def a_presence(activities: str = "", basic: str = "open", note: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:1001@x" '
        f'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid">'
        f'<tuple id="t"><status><basic>{basic}</basic></status>{note and f"<note>{note}</note>"}</tuple>'
        f'<dm:person id="p"><r:activities>{activities}</r:activities></dm:person></presence>'
    ).encode()


# ---- presence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activity", Activity)
def test_what_somebody_does_is_told_in_the_three_ways_that_phones_read(activity: Activity) -> None:
    root = ElementTree.fromstring(pidf.document("sip:1001@example.com", Status(activity)))
    assert root.tag == f"{PIDF}presence"
    assert root.get("entity") == "sip:1001@example.com"
    assert root.findtext(f"{PIDF}tuple/{PIDF}status/{PIDF}basic") == activity.basic
    assert root.findtext(f"{PIDF}tuple/{PIDF}note") == activity.words
    told = root.find(f"{MODEL}person/{RPID}activities")
    assert told is not None
    assert tuple(each.tag.removeprefix(RPID) for each in told) == (activity.rpid or ("unknown",))


def test_the_order_of_elements_is_that_of_the_schema() -> None:
    root = ElementTree.fromstring(pidf.document("sip:1001@x", Status(Activity.ONLINE)))
    (entry,) = root.findall(f"{PIDF}tuple")
    assert [child.tag for child in entry] == [f"{PIDF}status", f"{PIDF}contact", f"{PIDF}note"]


@given(st.text())
def test_any_note_stays_inside_its_element(note: str) -> None:
    root = ElementTree.fromstring(pidf.document("sip:1001@x", Status(Activity.AWAY, note)))
    written = "".join(character for character in note if character.isprintable())
    assert (root.findtext(f"{PIDF}tuple/{PIDF}note") or "") == (written if note else "Away")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (a_presence(), Published()),
        (a_presence(basic="closed"), Published(is_open=False)),
        (a_presence("<r:away/>", note="At lunch"), Published(is_away=True, note="At lunch")),
        (a_presence("<r:busy/>"), Published(do_not_disturb=True)),
        (a_presence("<r:meeting/>"), Published(do_not_disturb=True)),
        # A call is known to us by itself, and its end too.
        (a_presence("<r:on-the-phone/><r:busy/>", note="On the phone"), Published()),
        (a_presence("<r:unknown/>"), Published()),
    ],
)
def test_what_a_phone_says_of_its_user(body: bytes, says: Published) -> None:
    assert pidf.read(body) == says


def test_a_note_is_cut_and_made_readable() -> None:
    assert pidf.read(a_presence("<r:away/>", note="a&#10;b" + "c" * 500)).note == "a b" + "c" * 97


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"<presence>", 400),
        (b"\xff\xfe<\x00", 400),
        (b"<html xmlns='x'/>", 400),
        (b"<presence xmlns='urn:ietf:params:xml:ns:pidf'>" + b" " * 20_000 + b"</presence>", 413),
        (b'<!DOCTYPE presence [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><presence>&b;</presence>', 400),
        (b'<?xml version="1.0" encoding="UTF-7"?><presence>+ADwAIQ-</presence>', None),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><presence/>'.encode("utf-16"), 400),
    ],
)
def test_what_is_no_presence_document(body: bytes, status: int | None) -> None:
    if status is None:
        assert pidf.read(body) == Published()
        return
    with pytest.raises(RemoteProtocolError) as caught:
        pidf.read(body)
    assert caught.value.status == status


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        xml_text.read(b"<presence>" + body + b"</presence>")
    except RemoteProtocolError:
        pass


def test_a_document_of_many_depths_is_no_danger() -> None:
    body = b"<presence>" + b"<a>" * 2000 + b"</a>" * 2000 + b"</presence>"
    assert pidf.read(body) == Published()


# ---- dialogs ---------------------------------------------------------------------------------------------------------


def told(teller: DialogTeller, *dialogs: DialogInfo, whole: bool = False) -> ElementTree.Element:
    body = teller.tell(dialogs, whole=whole)
    assert body is not None
    return ElementTree.fromstring(body)


def states(root: ElementTree.Element) -> list[tuple[str | None, str | None]]:
    return [(dialog.get("id"), dialog.findtext(f"{INFO}state")) for dialog in root]


def test_the_first_document_is_full_and_those_after_it_partial_under_growing_versions() -> None:
    teller = DialogTeller("sip:1002@x")
    roots = [told(teller, whole=True), told(teller, CALL)]
    assert [(root.get("version"), root.get("state"), root.get("entity")) for root in roots] == [
        ("0", "full", "sip:1002@x"),
        ("1", "partial", "sip:1002@x"),
    ]
    assert [states(root) for root in roots] == [[], [("a", "early")]]


def test_only_what_changed_is_told_again() -> None:
    teller = DialogTeller("sip:1002@x")
    other = DialogInfo(id="b", state=DialogInfoState.CONFIRMED, initiator=True)
    told(teller, CALL, other, whole=True)
    answered = DialogInfo(id="a", state=DialogInfoState.CONFIRMED, initiator=False)
    assert states(told(teller, answered, other)) == [("a", "confirmed")]
    assert teller.tell((answered, other), whole=False) is None


def test_what_is_gone_is_told_once_as_terminated() -> None:
    teller = DialogTeller("sip:1002@x")
    told(teller, CALL, whole=True)
    assert states(told(teller)) == [("a", "terminated")]
    assert teller.tell((), whole=False) is None


def test_what_is_gone_is_told_in_a_full_document_too() -> None:
    teller = DialogTeller("sip:1002@x")
    told(teller, CALL, whole=True)
    assert states(told(teller, whole=True)) == [("a", "terminated")]
    assert states(told(teller, whole=True)) == []


def test_a_dialog_is_named_as_its_phone_names_it() -> None:
    (dialog,) = told(DialogTeller("sip:1002@x"), CALL, whole=True)
    assert {name: dialog.get(name) for name in ("call-id", "local-tag", "remote-tag", "direction")} == {
        "call-id": "c@x", "local-tag": "l", "remote-tag": "r", "direction": "recipient",
    }  # fmt: skip


def test_a_held_call_renders_nothing() -> None:
    held = DialogInfo(id="a", state=DialogInfoState.CONFIRMED, initiator=True, held=True)
    (dialog,) = told(DialogTeller("sip:1002@x"), held, whole=True)
    parameter = dialog.find(f"{INFO}local/{INFO}target/{INFO}param")
    assert parameter is not None
    assert (parameter.get("pname"), parameter.get("pval")) == ("+sip.rendering", "no")


def test_the_other_end_is_told_only_when_it_may_be() -> None:
    (hidden,) = told(DialogTeller("sip:1002@x"), CALL, whole=True)
    assert hidden.find(f"{INFO}remote") is None
    known = DialogInfo(
        id="a", state=DialogInfoState.EARLY, initiator=False, remote="sip:1001@x", remote_name='<Ірина & "Co">'
    )
    (shown,) = told(DialogTeller("sip:1002@x"), known, whole=True)
    identity = shown.find(f"{INFO}remote/{INFO}identity")
    assert identity is not None
    assert (identity.text, identity.get("display")) == ("sip:1001@x", '<Ірина & "Co">')


# ---- message summary -------------------------------------------------------------------------------------------------


def test_waiting_messages_are_counted() -> None:
    summary = document("sip:1001@x", Waiting(new=2, old=8, new_urgent=1))
    assert summary == (b"Messages-Waiting: yes\r\nMessage-Account: sip:1001@x\r\nVoice-Message: 2/8 (1/0)\r\n")
    assert document("sip:1001@x", Waiting(old=3)).startswith(b"Messages-Waiting: no\r\n")
