"""Which dimension, which loader, which side, which reduction: what each dose reads off a small record."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "symptoms"))

from records import change, healthy, real
from sick_held import lagging_statistics, narrow_layer, unaveraged_buffers, weights_not_loaded
from sick_statics import mixed_reductions
from sick_wiring import (
    degenerate_normalisation,
    dimensions_exchanged,
    examples_mixed,
    moved_examples,
    unpaired_targets,
)
from test_doses import ADAM, of, with_loss

from descend.doctor import doses
from descend.doctor.record import Ending, Record, facts


def of_few_steps(steps: int) -> Record:
    record = healthy(**{**ADAM, "lr": 0.5})
    record.ending = Ending("finished", 0, steps, loop_s=0.1)
    return record


def real_reductions() -> Record:
    """A regression on targets of variance 0.05, beside a term summed for each example."""
    record = mixed_reductions(over_batch=False)
    real(record, std=0.05**0.5)
    return record


DIMENSIONS: list[tuple[str, Any, dict[str, Any] | None]] = [
    ("along_the_classes", with_loss("nll_loss", "log_softmax"), {"activation": "log_softmax", "dim": 1}),
    ("along_the_classes", with_loss("nll_loss", "softmax"), None),
    ("along_the_entries", degenerate_normalisation(), {"site": ("lone_entry", "0"), "dim": 1}),
    ("along_the_entries", degenerate_normalisation(function="layer_norm"), None),
    ("along_the_entries", healthy(), None),
    ("lone_layer", degenerate_normalisation(function="layer_norm"), {"function": "layer_norm", "place": "0"}),
    ("lone_layer", degenerate_normalisation(), None),
    ("exchange", dimensions_exchanged(), {"site": "exchanged", "call": "transpose(1, 2)"}),
    ("exchange", dimensions_exchanged(dims=(0, 3, 1, 2)), {"call": "permute(0, 3, 1, 2)"}),
    ("exchange", healthy(), None),
    ("loaders_apart", unpaired_targets(), {"loaders": ["0", "1"]}),
    ("loaders_apart", unpaired_targets(shuffles=(False, True)), {"loaders": ["1"]}),
    ("loaders_apart", unpaired_targets(examples=600), None),
    ("loaders_apart", healthy(), None),
    ("of_the_difference", healthy(), {"operand": "right"}),
    ("time_first", examples_mixed(), {"batch_first": True, "optimizer": "0"}),
    ("time_first", examples_mixed(by="reshape"), None),
    ("within_the_example", examples_mixed(), None),
    (
        "within_the_example",
        examples_mixed(by="softmax", dim=-1),
        {"activation": "softmax", "site": ("mixing", "0"), "dim": -1},
    ),
    ("cut_up", examples_mixed(by="reshape"), {"site": "mixing", "call": "transpose(0, 1)"}),
    ("cut_up", examples_mixed(), None),
    ("cut_up", examples_mixed(by="reshape", single=(1, 3)), {"call": "squeeze(3).squeeze(1).transpose(0, 1)"}),
    ("representable_eps", healthy(eps=1e-8, smallest_subnormal=6e-8), {"argument": "eps", "value": 1e-4, "old": 1e-8}),
    ("representable_eps", healthy(eps=1e-4, smallest_subnormal=6e-8), None),
    ("representable_eps", healthy(eps=1e-8, smallest_subnormal=1.4e-45), None),
    ("representable_eps", healthy(), None),
    ("summed", mixed_reductions(), {"reduction": "sum"}),
    ("summed", mixed_reductions(over_batch=False), None),
    ("summed", healthy(), None),
    ("averaged_alike", mixed_reductions(over_batch=False), {"divisor": 784}),
    ("averaged_alike", mixed_reductions(over_batch=False, own=8), {"divisor": 98}),
    ("averaged_alike", mixed_reductions(), None),
    ("longer_and_faster", of_few_steps(35), {"times": 20, "old": 0.5, "lr": 0.01}),
    ("longer_and_faster", of_few_steps(100), None),
    ("longer_and_faster", healthy(), None),
    ("by_likelihood", mixed_reductions(over_batch=False), None),  # of classes
    ("by_likelihood", real_reductions(), {"divisor": 7800.0}),
    ("averaged_alike", healthy(), None),
    ("other_names", weights_not_loaded(), {"place": "0", "prefix": "module.", "is_extra": True}),
    ("other_names", weights_not_loaded(prefix=None), None),
    ("more_units", narrow_layer(), {"layers": ["0", "2", "4"], "narrow": ["0", "2"], "old": 2, "units": 16}),
    ("usual_share", lagging_statistics(), {"momentum": 0.1}),
    ("handed_on", unaveraged_buffers(), {"kind": "unaveraged_buffers", "place": "0"}),
]


@pytest.mark.parametrize("name, record, expected", DIMENSIONS)
def test_which_dimension(name, record, expected):
    dose = of(record, name)
    assert dose is None if expected is None else expected.items() <= dose.items()


def test_the_side_of_the_difference_that_is_the_target():
    record = healthy()
    change(record, facts.Connections, broadcast=facts.Broadcast((20,), (20, 1), (20, 20), "left", by_hand=True))
    assert of(record, "of_the_difference") == {"operand": "left"}


@pytest.mark.parametrize(
    ("axes", "dimensions", "values"),
    [
        ((0, 1), 3, [(1, 2)]),
        ((0, 1), 4, [(1, 2), (2, 3)]),  # an image has its height and width last
        ((0,), 3, [1, 2]),
        ((-3, 2), 3, [(1, 2)]),
        ((0,), 1, []),
    ],
)
def test_other_axes_for_a_call_along_the_batch(axes, dimensions, values):
    record = moved_examples(axes=axes, dimensions=dimensions)
    found = [dose for number in range(3) if (dose := doses.example_axes(number)(record, None)) is not None]
    assert [dose["value"] for dose in found] == values
    assert all((dose["keyword"], dose["index"], dose["line"]) == ("dims", 1, 14) for dose in found)
    assert doses.example_axes(0)(healthy(), None) is None
