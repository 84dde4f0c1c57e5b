"""The dimensions, loaders, operands and reductions that each function chooses from a small record."""

from typing import Any

import pytest
from records import change, healthy, real
from sick_batches import moved_examples, order_dependence
from sick_held import lagging_statistics, narrow_layer, unaveraged_buffers, weights_not_loaded
from sick_statics import mixed_reductions
from sick_wiring import degenerate_normalisation, dimensions_exchanged, examples_mixed, unpaired_targets
from test_argument_values import ADAM, of, with_loss

from descend.doctor.record import Ending, Record, facts
from descend.doctor.remedy_arguments.dimensions import axes_within_example


def of_few_steps(steps: int) -> Record:
    record = healthy(**{**ADAM, "lr": 0.5})
    record.ending = Ending("finished", 0, steps, loop_s=0.1)
    return record


def real_reductions() -> Record:
    """Return a regression on targets of variance 0.05, with a second loss term that is summed over each example."""
    record = mixed_reductions(over_batch=False)
    real(record, std=0.05**0.5)
    return record


DIMENSIONS: list[tuple[str, Any, dict[str, Any] | None]] = [
    ("class_dimension", with_loss("nll_loss", "log_softmax"), {"activation": "log_softmax", "dim": 1}),
    ("class_dimension", with_loss("nll_loss", "softmax"), None),
    ("entry_dimension", degenerate_normalisation(), {"site": ("lone_entry", "0"), "dim": 1}),
    ("entry_dimension", degenerate_normalisation(function="layer_norm"), None),
    ("entry_dimension", healthy(), None),
    ("single_entry_layer", degenerate_normalisation(function="layer_norm"), {"function": "layer_norm", "place": "0"}),
    ("single_entry_layer", degenerate_normalisation(), None),
    ("exchange_of_dimensions", dimensions_exchanged(), {"site": "exchanged", "call": "transpose(1, 2)"}),
    ("exchange_of_dimensions", dimensions_exchanged(dims=(0, 3, 1, 2)), {"call": "permute(0, 3, 1, 2)"}),
    ("exchange_of_dimensions", healthy(), None),
    ("shuffling_loaders", unpaired_targets(), {"loaders": ["0", "1"]}),
    ("shuffling_loaders", unpaired_targets(shuffles=(False, True)), {"loaders": ["1"]}),
    ("shuffling_loaders", unpaired_targets(examples=600), None),
    ("shuffling_loaders", healthy(), None),
    ("target_operand", healthy(), {"operand": "right"}),
    ("other_batch_first", examples_mixed(), {"batch_first": True, "optimizer": "0", "site": "mixing"}),
    ("other_batch_first", order_dependence(batch_first=True), {"batch_first": False, "site": "order_dependence"}),
    ("other_batch_first", order_dependence("reshape"), None),
    ("dimension_within_example", examples_mixed(), None),
    (
        "dimension_within_example",
        examples_mixed(by="softmax", dim=-1),
        {"activation": "softmax", "site": ("mixing", "0"), "dim": -1},
    ),
    (
        "exchange_of_mixed_dimensions",
        order_dependence("reshape", order=(1, 0, 2)),
        {"site": "order_dependence", "place": "reshape", "call": "transpose(0, 1)", "reshapes": False},
    ),
    (
        "exchange_of_mixed_dimensions",
        order_dependence("reshape", order=(1, 0, 2), result=(20, 32, 1, 3)),
        {"call": "transpose(0, 1)", "reshapes": True},
    ),
    ("exchange_of_mixed_dimensions", order_dependence("reshape"), None),
    ("exchange_of_mixed_dimensions", examples_mixed(), None),
    ("gathered_dimension", order_dependence("gather", function="gather"), {"keyword": "dim", "value": 1, "line": 14}),
    ("gathered_dimension", order_dependence(), None),
    ("representable_eps", healthy(eps=1e-8, smallest_subnormal=6e-8), {"argument": "eps", "value": 1e-4, "old": 1e-8}),
    ("representable_eps", healthy(eps=1e-4, smallest_subnormal=6e-8), None),
    ("representable_eps", healthy(eps=1e-8, smallest_subnormal=1.4e-45), None),
    ("representable_eps", healthy(), None),
    ("sum_reduction", mixed_reductions(), {"reduction": "sum"}),
    ("sum_reduction", mixed_reductions(over_batch=False), None),
    ("sum_reduction", healthy(), None),
    ("divisor_of_sum", mixed_reductions(over_batch=False), {"divisor": 784}),
    ("divisor_of_sum", mixed_reductions(over_batch=False, own=8), {"divisor": 98}),
    ("divisor_of_sum", mixed_reductions(), None),
    ("more_passes_at_larger_rate", of_few_steps(35), {"times": 20, "old": 0.5, "lr": 0.01}),
    ("more_passes_at_larger_rate", of_few_steps(100), None),
    ("more_passes_at_larger_rate", healthy(), None),
    ("divisor_by_likelihood", mixed_reductions(over_batch=False), None),  # the targets are classes
    ("divisor_by_likelihood", real_reductions(), {"divisor": 7800.0}),
    ("divisor_of_sum", healthy(), None),
    ("checkpoint_prefix", weights_not_loaded(), {"place": "0", "prefix": "module.", "is_extra": True}),
    ("checkpoint_prefix", weights_not_loaded(prefix=None), None),
    ("more_units", narrow_layer(), {"layers": ["0", "2", "4"], "narrow": ["0", "2"], "old": 2, "units": 16}),
    ("usual_statistics_momentum", lagging_statistics(), {"momentum": 0.1}),
    ("unaveraged_buffers", unaveraged_buffers(), {"kind": "unaveraged_buffers", "place": "0"}),
]


@pytest.mark.parametrize("name, record, expected", DIMENSIONS)
def test_the_dimension_is_chosen_from_the_record(name, record, expected):
    values = of(record, name)
    assert values is None if expected is None else expected.items() <= values.items()


def test_the_operand_with_the_targets_is_chosen():
    record = healthy()
    change(record, facts.Connections, broadcast=facts.Broadcast((20,), (20, 1), (20, 20), "left", by_hand=True))
    assert of(record, "target_operand") == {"operand": "left"}


@pytest.mark.parametrize(
    ("axes", "dimensions", "values"),
    [
        ((0, 1), 3, [(1, 2)]),
        ((0, 1), 4, [(1, 2), (2, 3)]),  # height and width of an image are the last axes
        ((0,), 3, [1, 2]),
        ((-3, 2), 3, [(1, 2)]),
        ((0,), 1, []),
    ],
)
def test_new_axes_for_a_call_exclude_the_batch(axes, dimensions, values):
    record = moved_examples(axes=axes, dimensions=dimensions)
    found = [chosen for number in range(3) if (chosen := axes_within_example(number)(record, None)) is not None]
    assert [chosen["value"] for chosen in found] == values
    assert all((each["keyword"], each["index"], each["line"]) == ("dims", 1, 14) for each in found)
    assert axes_within_example(0)(healthy(), None) is None
