"""What the codes mean that people dial."""

from __future__ import annotations

import pytest

from callflow.facts import ForwardKind
from callflow.feature_codes import Feature, FeatureCodes, ToFeature

CODES = FeatureCodes()
EXTENSIONS = {"1001", "1002"}


@pytest.mark.parametrize(
    ("dialled", "meant"),
    [
        ("*8", ToFeature(Feature.PICK_UP)),
        ("*81002", ToFeature(Feature.PICK_UP, "1002")),
        ("*89999", None),
        ("*70", ToFeature(Feature.PARK)),
        ("*701", ToFeature(Feature.PARK, "*701")),
        ("*709", ToFeature(Feature.PARK, "*709")),
        ("*700", None),
        ("*7010", None),
        ("*551002", ToFeature(Feature.SUPERVISE, "1002")),
        ("*55", None),
        ("*559999", None),
        ("*78", ToFeature(Feature.DO_NOT_DISTURB, "on")),
        ("*79", ToFeature(Feature.DO_NOT_DISTURB)),
        ("*21*1002#", ToFeature(Feature.FORWARD, "1002", ForwardKind.ALWAYS)),
        ("*21*1002", ToFeature(Feature.FORWARD, "1002", ForwardKind.ALWAYS)),
        ("**21*+380501112233#", ToFeature(Feature.FORWARD, "+380501112233", ForwardKind.ALWAYS)),
        ("*67*1002#", ToFeature(Feature.FORWARD, "1002", ForwardKind.BUSY)),
        ("*61*1002#", ToFeature(Feature.FORWARD, "1002", ForwardKind.NO_ANSWER)),
        ("#21#", ToFeature(Feature.FORWARD, "", ForwardKind.ALWAYS)),
        ("##61#", ToFeature(Feature.FORWARD, "", ForwardKind.NO_ANSWER)),
        ("##002#", ToFeature(Feature.FORWARD_NOTHING)),
        ("*99*1002#", None),
        ("#31#0501112233", None),  # a call whose caller is not shown
        ("1001", None),
        ("", None),
    ],
)
def test_a_code_is_read(dialled: str, meant: ToFeature | None) -> None:
    assert CODES.read(dialled, EXTENSIONS) == meant


@pytest.mark.parametrize("dialled", ["", "*8", "*81002", "*70", "*701", "*78", "*79", "1", "*21*1002#"])
def test_an_empty_code_switches_its_feature_off(dialled: str) -> None:
    off = FeatureCodes(pick_up="", park="", forward_always="", do_not_disturb_on="", do_not_disturb_off="")
    assert off.read(dialled, EXTENSIONS) is None


def test_the_orbits_stand_behind_the_parking_code() -> None:
    assert FeatureCodes(park="*5", orbits=3).orbit_numbers() == ("*51", "*52", "*53")
