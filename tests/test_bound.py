import copy
import json
import pickle

import pytest

from descend.core.bound import Bound, Count

HALF = Bound(0.5, "of a layer's units", "most of it")
FEW = Count(3, "steps", "what is wired wrongly shows in each of them")
BOTH = pytest.mark.parametrize("bound, plain", [(HALF, 0.5), (FEW, 3)])


@BOTH
def test_a_bound_equals_its_number(bound, plain):
    assert bound == plain and hash(bound) == hash(plain) and {plain: "found"}[bound] == "found"
    assert plain - 1 < bound < plain + 1 and isinstance(bound, type(plain))


@BOTH
def test_a_bound_is_formatted_as_its_number(bound, plain):
    assert (repr(bound), str(bound), f"{bound}", f"{bound:.1%}") == (
        repr(plain),
        str(plain),
        f"{plain}",
        f"{plain:.1%}",
    )
    assert json.dumps({"bound": bound}, indent=1) == json.dumps({"bound": plain}, indent=1)


@BOTH
def test_arithmetic_with_a_bound_gives_a_plain_number(bound, plain):
    for found in (+bound, -bound, bound * 1, 1 + bound, bound - 1, abs(bound)):
        assert type(found) is type(plain)
    assert type(bound / 2) is float and bound / 2 == plain / 2


def test_a_count_can_be_used_as_an_integer():
    assert list(range(FEW)) == [0, 1, 2] and "steps"[:FEW] == "ste" and [0] * FEW == [0, 0, 0]


@BOTH
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, *(lambda b, p=p: pickle.loads(pickle.dumps(b, p)) for p in range(6))],
)
def test_a_copy_has_its_unit_and_its_reason(bound, plain, copied):
    made = copied(bound)
    assert (type(made), made, made.unit, made.why) == (type(bound), plain, bound.unit, bound.why)


@pytest.mark.parametrize("unit, why", [("", "known"), ("steps", ""), (" ", "known"), ("steps", "\n")])
@pytest.mark.parametrize("kind", [Bound, Count])
def test_a_bound_without_a_unit_or_a_reason_is_refused(kind, unit, why):
    with pytest.raises(ValueError, match="needs a unit and a reason"):
        kind(1, unit, why)


def test_a_count_is_an_integer():
    assert type(+Count(3.0, "steps", "whole")) is int
