"""The lite side of ICE: RFC 8445 §2.5, §7.3, §8, §9 and RFC 7675."""

from __future__ import annotations

from pbx.rtp import stun
from pbx.rtp.ice_lite import CONSENT_LASTS, MAX_VALID, Credentials, Effect, IceLite, Nominated, Reply
from tests.pbx.rtp.test_stun import KEY, a_request

HERE = ("192.0.2.1", 5000)
THERE = ("198.51.100.2", 6000)


def an_ice(remote_ufrag: str | None = "theirs") -> IceLite:
    return IceLite(Credentials("ours", KEY.decode()), remote_ufrag)


def replies(effects: list[Effect]) -> list[Reply]:
    return [effect for effect in effects if isinstance(effect, Reply)]


def check(ice: IceLite, *, source: tuple[str, int] = HERE, now: float = 1.0, **how: object) -> list[Effect]:
    return list(ice.handle(a_request(**how), source, now))  # type: ignore[arg-type]  # what a request is made of


def test_a_check_is_answered_where_it_came_from() -> None:
    (reply,) = replies(check(an_ice()))
    assert reply.to == HERE
    assert stun.parse(reply.data).kind == stun.BINDING_SUCCESS


def test_rule_12_only_a_valid_message_integrity_is_answered() -> None:
    assert check(an_ice(), key=b"a stranger's") == []
    assert list(an_ice().handle(b"\x00\x01garbage", HERE, 1.0)) == []


def test_a_check_for_another_user_name_is_not_answered() -> None:
    assert check(an_ice(), username="else:theirs") == []
    assert check(an_ice(), username="ours") == []


def test_a_check_of_another_peer_is_not_answered_once_the_answer_named_ours() -> None:
    assert check(an_ice(), username="ours:somebody") == []
    assert replies(check(an_ice(None), username="ours:somebody"))


def test_a_check_without_fingerprint_is_not_answered() -> None:
    data = bytearray(a_request()[:-8])
    data[2:4] = (len(data) - 20).to_bytes(2, "big")
    assert stun.parse(bytes(data)).is_proven_by(KEY)
    assert list(an_ice().handle(bytes(data), HERE, 1.0)) == []


def test_until_somebody_is_nominated_the_first_valid_pair_is_used() -> None:
    ice = an_ice()
    assert Nominated(HERE) in check(ice)
    assert not [effect for effect in check(ice, source=THERE) if isinstance(effect, Nominated)]


def test_rule_9_use_candidate_may_move_the_pair() -> None:
    ice = an_ice()
    check(ice)
    assert Nominated(THERE) in check(ice, source=THERE, use_candidate=True)
    assert Nominated(HERE) in check(ice, use_candidate=True)


def test_checks_from_endless_addresses_leave_nothing() -> None:
    ice = an_ice()
    for port in range(1000):
        check(ice, source=("192.0.2.1", 1000 + port))
    assert len(ice.valid) == MAX_VALID


def test_rule_7_a_leg_is_forsaken_when_neither_checks_nor_sound_came_for_20_s() -> None:
    ice = an_ice()
    check(ice, now=100.0)
    assert not ice.is_forsaken(100.0 + CONSENT_LASTS, 0.0)
    assert ice.is_forsaken(100.1 + CONSENT_LASTS, 0.0)
    assert not ice.is_forsaken(100.1 + CONSENT_LASTS, 101.0)
    check(ice, now=110.0)
    assert not ice.is_forsaken(100.1 + CONSENT_LASTS, 0.0)


def test_after_a_restart_checks_with_the_old_credentials_count_until_one_with_the_new_comes() -> None:
    ice = an_ice()
    check(ice)
    ice.restart(Credentials("new", "a new password"), "theirs2")
    assert replies(check(ice))
    assert replies(check(ice, username="new:theirs2", key=b"a new password"))
    assert check(ice) == []


def test_a_restart_that_nobody_proved_does_not_end_the_old_credentials() -> None:
    ice = an_ice()
    ice.restart(Credentials("new", "a new password"), "theirs2")
    assert check(ice, username="new:theirs2", key=b"a guess") == []
    assert replies(check(ice))
