"""The registrar: RFC 3261 §10.3 step by step; RFC 3327, RFC 5626 §6."""

from collections.abc import Sequence

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request, parse
from pbx.sip.registrar import Binding, Limits, Registered, address_of_record, ordered, register
from tests.pbx.sip.messages import a_request, text_of

NOW = 1000.0
LIMITS = Limits(minimum=60, maximum=3600, default=600)
PHONE = Binding(contact="sip:a@192.0.2.1", sip_call_id="old", cseq=5, registered_at=900.0, expires_at=1500.0)


def a_register(*more: str, call_id: str = "new", cseq: int = 1, to: str = "<sip:1001@example.com>") -> Request:
    message = parse(
        text_of("REGISTER sip:example.com SIP/2.0", to=to, call_id=call_id, cseq=f"{cseq} REGISTER", more=more)
    )
    assert isinstance(message, Request)
    return message


def registered(request: Request, *bindings: Binding, limits: Limits = LIMITS) -> Registered:
    return register(bindings, request, now=NOW, source="udp:1", limits=limits)


def refused(request: Request, *bindings: Binding) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        registered(request, *bindings)
    assert caught.value.request is request
    return caught.value


def contacts(result: Registered) -> Sequence[str]:
    return [binding.contact for binding in result.bindings]


def test_a_contact_is_bound() -> None:
    result = registered(a_register("Contact: <sip:a@192.0.2.1;Ob>;q=0.7", "User-Agent: Phone/1", "Expires: 300"))
    assert result.bindings == result.added
    assert result.bindings == (
        Binding(
            contact="sip:a@192.0.2.1;Ob",
            sip_call_id="new",
            cseq=1,
            registered_at=NOW,
            expires_at=NOW + 300,
            received="udp:1",
            user_agent="Phone/1",
            q=0.7,
        ),
    )
    assert result.response_headers == (("Contact", "<sip:a@192.0.2.1;Ob>;expires=300;q=0.7"),)


def test_a_request_without_contact_asks_for_the_bindings() -> None:
    result = registered(a_register(), PHONE)
    assert result.bindings == (PHONE,)
    assert (result.added, result.refreshed, result.removed) == ((), (), ())
    assert result.response_headers == (("Contact", "<sip:a@192.0.2.1>;expires=500"),)


def test_lapsed_bindings_are_gone() -> None:
    lapsed = Binding(contact="sip:b@h", sip_call_id="x", cseq=1, registered_at=1.0, expires_at=NOW)
    result = registered(a_register(), PHONE, lapsed)
    assert result.bindings == (PHONE,)
    assert result.removed == (lapsed,)


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        (["Contact: <sip:b@h>;expires=120", "Expires: 300"], 120),
        (["Contact: <sip:b@h>", "Expires: 300"], 300),
        (["Contact: <sip:b@h>"], 600),
        (["Contact: <sip:b@h>;expires=99999"], 3600),
        (["Contact: <sip:b@h>;expires=280297596632815"], 3600),
        (["Contact: <sip:b@h>;expires=soon"], 3600),
        (["Contact: <sip:b@h>;expires"], 3600),
    ],
)
def test_the_interval_is_the_parameter_then_the_header_then_the_default(more: list[str], seconds: int) -> None:
    assert registered(a_register(*more)).bindings[0].expires_at == NOW + seconds


def test_too_short_an_interval_is_423() -> None:
    error = refused(a_register("Contact: <sip:b@h>;expires=59"))
    assert error.status == 423
    assert error.headers == (("Min-Expires", "60"),)


def test_an_hour_is_never_too_short() -> None:
    result = registered(a_register("Contact: <sip:b@h>;expires=3600"), limits=Limits(minimum=7200, maximum=86400))
    assert result.bindings[0].expires_at == NOW + 3600


def test_the_same_uri_is_the_same_binding() -> None:
    result = registered(a_register("Contact: <sip:%61@192.0.2.1;new=1>;expires=60"), PHONE)
    assert contacts(result) == ["sip:%61@192.0.2.1;new=1"]
    assert result.refreshed == result.bindings
    assert result.added == result.removed == ()


def test_another_port_is_another_binding() -> None:
    result = registered(a_register("Contact: <sip:a@192.0.2.1:5060>"), PHONE)
    assert contacts(result) == ["sip:a@192.0.2.1:5060", "sip:a@192.0.2.1"]


def test_expires_zero_removes() -> None:
    result = registered(a_register("Contact: <sip:a@192.0.2.1>;expires=0"), PHONE)
    assert (result.bindings, result.removed, result.response_headers) == ((), (PHONE,), ())


def test_removing_what_is_not_there_is_fine() -> None:
    result = registered(a_register("Contact: <sip:z@h>", "Expires: 0"), PHONE)
    assert result.bindings == (PHONE,)
    assert result.removed == ()


@pytest.mark.parametrize("number", [4, 5])
@pytest.mark.parametrize("contact", ["<sip:a@192.0.2.1>", "<sip:a@192.0.2.1>;expires=0"])
def test_an_older_request_of_the_same_call_id_changes_nothing(number: int, contact: str) -> None:
    assert refused(a_register(f"Contact: {contact}", call_id="old", cseq=number), PHONE).status == 400


def test_a_newer_request_of_the_same_call_id_refreshes() -> None:
    result = registered(a_register("Contact: <sip:a@192.0.2.1>", call_id="old", cseq=6), PHONE)
    assert result.refreshed[0].cseq == 6


def test_one_contact_out_of_order_aborts_all() -> None:
    refused(a_register("Contact: <sip:fresh@h>, <sip:a@192.0.2.1>", call_id="old", cseq=5), PHONE)


def test_a_contact_said_twice_is_bound_once() -> None:
    assert len(registered(a_register("Contact: <sip:a@h>, <sip:a@h>")).bindings) == 1


def test_the_wildcard_removes_all() -> None:
    other = Binding(contact="sip:b@h", sip_call_id="other", cseq=9, registered_at=950.0, expires_at=1500.0)
    result = registered(a_register("Contact: *", "Expires: 0", call_id="old", cseq=6), PHONE, other)
    assert result.bindings == ()
    assert result.removed == (PHONE, other)


def test_the_wildcard_out_of_order_removes_nothing() -> None:
    assert refused(a_register("Contact: *", "Expires: 0", call_id="old", cseq=5), PHONE).status == 400


@pytest.mark.parametrize(
    "more",
    [
        ["Contact: *"],
        ["Contact: *", "Expires: 60"],
        ["Contact: *", "Contact: <sip:a@h>", "Expires: 0"],
        ["Contact: *, <sip:a@h>", "Expires: 0"],
    ],
)
def test_the_wildcard_stands_alone_with_expires_zero(more: list[str]) -> None:
    assert refused(a_register(*more), PHONE).status == 400


def test_more_than_ten_contacts_in_a_request_are_refused() -> None:
    request = a_register("Contact: " + ", ".join(f"<sip:{number}@h>" for number in range(11)))
    with pytest.raises(RemoteProtocolError):
        registered(request)


def test_at_the_bound_the_least_recent_binding_goes() -> None:
    result = registered(a_register("Contact: <sip:b@h>, <sip:c@h>"), PHONE, limits=Limits(max_contacts=2))
    assert sorted(contacts(result)) == ["sip:b@h", "sip:c@h"]
    assert result.removed == (PHONE,)


def test_an_instance_that_comes_back_replaces_itself() -> None:
    instance = '+sip.instance="<urn:uuid:1>";reg-id=1'
    first = registered(a_register(f"Contact: <sip:x1@a.invalid;transport=ws>;{instance}"))
    assert first.response_headers == (
        ("Contact", '<sip:x1@a.invalid;transport=ws>;expires=600;reg-id=1;+sip.instance="<urn:uuid:1>"'),
    )
    second = registered(
        a_register(f"Contact: <sip:x2@b.invalid;transport=ws>;{instance}", call_id="z"), *first.bindings
    )
    assert contacts(second) == ["sip:x2@b.invalid;transport=ws"]
    assert second.refreshed == second.bindings


@pytest.mark.parametrize(
    ("headers", "required"),
    [
        (("Supported: path, outbound", 'Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>";reg-id=1'), True),
        (("Supported: path", 'Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>";reg-id=1'), False),
        (("Supported: outbound", "Contact: <sip:x@a>;reg-id=1"), False),
        (("Supported: outbound", 'Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>"'), False),
        (
            ("Supported: outbound", 'Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>";reg-id=1',
             "Via: SIP/2.0/UDP proxy.example.com;branch=z9hG4bKp"),
            False,
        ),
    ],
    ids=["asked for", "not asked for", "no instance", "no reg-id", "behind a proxy"],
)  # fmt: skip
def test_a_phone_is_told_that_its_flow_is_kept(headers: tuple[str, ...], required: bool) -> None:
    """RFC 5626 §6."""
    answer = registered(a_register(*headers)).response_headers
    assert (("Require", "outbound") in answer) is required


def test_another_reg_id_is_another_flow() -> None:
    first = registered(a_register('Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>";reg-id=1'))
    second = registered(
        a_register('Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>";reg-id=2', call_id="z"), *first.bindings
    )
    assert len(second.bindings) == 2


def test_a_reg_id_that_is_no_number_is_none() -> None:
    result = registered(a_register('Contact: <sip:x@a>;+sip.instance="<urn:uuid:1>";reg-id=first'))
    assert result.bindings[0].reg_id is None


def test_the_path_is_kept_and_given_back() -> None:
    result = registered(a_register("Contact: <sip:a@h>", "Path: <sip:p1;lr>, <sip:p2;lr>"))
    assert result.bindings[0].path == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert ("Path", "<sip:p1;lr>, <sip:p2;lr>") in result.response_headers


def test_an_escaped_route_in_a_contact_comes_back() -> None:
    result = registered(a_register("Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"))
    assert result.response_headers[0][1].startswith("<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;")


def test_a_contact_that_cannot_be_called_is_refused() -> None:
    assert refused(a_register("Contact: <name:John_Smith>")).status == 400


def test_bindings_are_tried_by_q_and_then_by_recency() -> None:
    def bound(contact: str, q: float, at: float) -> Binding:
        return Binding(contact=contact, sip_call_id=contact, cseq=1, registered_at=at, expires_at=at + 60, q=q)

    some = [bound("old", 1.0, 1.0), bound("low", 0.1, 9.0), bound("new", 1.0, 2.0)]
    assert [binding.contact for binding in ordered(some)] == ["new", "old", "low"]


@pytest.mark.parametrize(("text", "q"), [("1.5", 1.0), ("x", 1.0), ("0", 0.0), ("0.12", 0.12), ("0.1234", 1.0)])
def test_q_values(text: str, q: float) -> None:
    assert registered(a_register(f"Contact: <sip:a@h>;q={text}")).bindings[0].q == q


@pytest.mark.parametrize(
    ("to", "aor"),
    [
        ("<sip:1001@Example.COM:5060;user=phone>;tag=1", "sip:1001@example.com"),
        ("sip:%31001@example.com;transport=tcp", "sip:1001@example.com"),
        ("<sips:1001@example.com>", "sip:1001@example.com"),
    ],
)
def test_the_address_of_record_is_canonical(to: str, aor: str) -> None:
    assert address_of_record(a_register(to=to)) == aor


def test_an_address_of_record_is_a_sip_uri() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        address_of_record(a_register(to="isbn:2983792873"))
    assert caught.value.status == 400
    assert a_request("OPTIONS", to="isbn:2983792873").to.uri.scheme == "isbn"
