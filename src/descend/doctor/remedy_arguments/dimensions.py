"""Arguments of remedies that change dimensions: of a softmax, of a reshape, of a batch or of a difference."""

from collections.abc import Callable

from descend.doctor.assess.batch_dimension import LAYERS
from descend.doctor.assess.single_entry import find_inner_normalisation_of_one
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.values import Values


def class_dimension(record: Record, symptom: Symptom) -> Values | None:
    """Return the class dimension as the new `dim` of the log_softmax before `nll_loss`; None without a log_softmax."""
    given = record.fact(facts.LossInput)
    is_log = given is not None and (given.function, given.activation) == ("nll_loss", "log_softmax")
    return {"activation": "log_softmax", "site": ("activation", "output"), "dim": 1} if is_log else None


def entry_dimension(record: Record, symptom: Symptom) -> Values | None:
    """Return the new `dim` of a softmax along a dimension of size 1: the only dimension that has several entries."""
    place = find_inner_normalisation_of_one(record)
    lone = record.fact(facts.LoneEntry, place)
    if lone is None or not lone.is_softmax or len(lone.dims) != 1:
        return None
    return {"activation": lone.function, "site": ("lone_entry", place), "dim": lone.dims[0]}


def single_entry_layer(record: Record, symptom: Symptom) -> Values | None:
    """Return the layer that normalises over a single entry, so that it can be removed; None for a softmax."""
    place = find_inner_normalisation_of_one(record)
    lone = record.fact(facts.LoneEntry, place)
    return None if lone is None or lone.is_softmax else {"function": lone.function, "place": place}


def shuffling_loaders(record: Record, symptom: Symptom) -> Values | None:
    """Return the data loaders that shuffle, if inputs and targets come from separate loaders of the same length."""
    pairing = record.fact(facts.Pairing)
    keys = [*pairing.inputs, *pairing.targets] if pairing else []
    loaders = [record.fact(facts.Loader, key) for key in keys]
    sizes = {loader and (loader.examples, loader.batch_size) for loader in loaders}
    shuffling = [key for key, loader in zip(keys, loaders) if loader and loader.shuffles]
    return {"loaders": shuffling} if shuffling and len(sizes) == 1 else None


def rows_of_inputs(record: Record, symptom: Symptom) -> Values | None:
    """Return no arguments if inputs and targets come from different rows of stored tensors; None if they do not."""
    return {} if record.fact(facts.DifferentRows) else None


def second_shift(record: Record, symptom: Symptom) -> Values | None:
    """Return the call that shifts targets a second time; None without one."""
    site = record.site(SiteKind.TAKEN_ROWS, "shift")
    return {"function": site.detail} if site is not None else None


def axes_within_example(number: int) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that chooses new axes for a call, such as `flip`, that wrongly reorders the batch.

    The candidates are each axis plus one, which counts the batch dimension, and the last axes, such as an image's
    height and width. `number` selects one of the candidates.
    """

    def choose_axes(record: Record, symptom: Symptom) -> Values | None:
        """Return the call that reorders the batch and new axes for it; None if there are no further candidates."""
        moved = record.fact(facts.OrderDependence)
        if moved is None or not moved.axes:
            return None
        dimensions = len(moved.shape)
        counted = [axis % dimensions + 1 for axis in moved.axes]
        last = [dimensions - len(moved.axes) + i for i in range(len(moved.axes))]
        fitting = [axes for axes in (counted, last) if min(axes) > 0 and max(axes) < dimensions]
        choices = [axes for i, axes in enumerate(fitting) if axes not in fitting[:i]]
        if number >= len(choices):
            return None
        axes: tuple[int, ...] | int = tuple(choices[number]) if len(moved.axes) > 1 else choices[number][0]
        at: Values = {"kind": "order_dependence", "place": "0", "function": moved.function, "line": moved.line}
        return {**at, "keyword": "dims", "index": 1 if moved.function == "roll" else 0, "value": axes}

    return choose_axes


def target_operand(record: Record, symptom: Symptom) -> Values | None:
    """Return which operand of "predictions − targets" in the loss is the targets: "left" or "right"."""
    connections = record.fact(facts.Connections)
    found = connections.broadcast if connections else None
    return {"operand": found.operand if found else "right"}


def gathered_dimension(record: Record, symptom: Symptom) -> Values | None:
    """Return dimension 1 for a `gather` that selects along the batch dimension."""
    found = record.fact(facts.OrderDependence)
    if found is None or found.by != "gather":
        return None
    at: Values = {"kind": "order_dependence", "place": "0", "function": found.function, "line": found.line}
    return {**at, "keyword": "dim", "index": 0, "value": 1}


def index_of_all_examples(record: Record, symptom: Symptom) -> Values | None:
    """Return the line that applies the index of each example to all examples; None without one."""
    found = record.fact(facts.OrderDependence)
    return None if found is None or found.by != "pairs" else {"line": found.line}


def other_batch_first(record: Record, symptom: Symptom) -> Values | None:
    """Return the opposite value of `batch_first`, if a recurrent or attention layer takes the batch for time steps."""
    for kind, found in (
        ("order_dependence", record.fact(facts.OrderDependence)),
        ("mixing", record.fact(facts.Mixing)),
    ):
        if found is not None and found.by in LAYERS:
            return {"batch_first": not found.batch_first, "optimizer": symptom.optimizer, "site": kind}
    return None


def exchange_of_mixed_dimensions(record: Record, symptom: Symptom) -> Values | None:
    """Return the order of axes before a reshape that keeps the examples apart; None without such a reshape."""
    found = record.fact(facts.OrderDependence)
    if found is None or not found.order:
        return None
    exchanged = tuple(found.shape[axis] for axis in found.order if axis < len(found.shape))
    reshapes = found.by == "pairing" or exchanged != found.result
    return {"site": "order_dependence", "place": "reshape", "call": _exchange(found.order), "reshapes": reshapes}


def dimension_within_example(record: Record, symptom: Symptom) -> Values | None:
    """Return the new `dim` of a softmax along the batch dimension: the dimension of the entries of one example."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or mixing.by != "softmax":
        return None
    return {"activation": "softmax", "site": ("mixing", "0"), "dim": mixing.dim}


def exchange_of_dimensions(record: Record, symptom: Symptom) -> Values | None:
    """Return a `transpose` or `permute` call in place of a `view` or `reshape` that should exchange dimensions."""
    found = record.fact(facts.Exchanged, "0")
    if found is None:
        return None
    return {"site": "exchanged", "place": "0", "call": _exchange(found.dims)}


def _exchange(order: tuple[int, ...]) -> str:
    """Return the call of `transpose` or `permute` that puts axes into an order."""
    moved = [i for i, dim in enumerate(order) if dim != i]
    return f"transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f"permute({', '.join(map(str, order))})"
