"""Which dimension: of a softmax, of a new shape, of a difference's operands."""

from collections.abc import Callable

from descend.doctor.doses.rate import Dose
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.degenerate_normalisation import lone_place
from descend.doctor.symptoms.examples_mixed import LAYERS


def along_the_classes(record: Record, symptom: Symptom) -> Dose | None:
    """The dimension that the classes lie along, where log-probabilities have been taken along another one."""
    given = record.fact(facts.LossInput)
    is_log = given is not None and (given.function, given.activation) == ("nll_loss", "log_softmax")
    return {"activation": "log_softmax", "site": ("activation", "output"), "dim": 1} if is_log else None


def along_the_entries(record: Record, symptom: Symptom) -> Dose | None:
    """The one dimension besides the batch that has several entries, where a softmax is taken over a single one."""
    place = lone_place(record)
    lone = record.fact(facts.LoneEntry, place)
    if lone is None or not lone.is_softmax or len(lone.dims) != 1:
        return None
    return {"activation": lone.function, "site": ("lone_entry", place), "dim": lone.dims[0]}


def lone_layer(record: Record, symptom: Symptom) -> Dose | None:
    """Which layer normalises a single entry."""
    place = lone_place(record)
    lone = record.fact(facts.LoneEntry, place)
    return None if lone is None or lone.is_softmax else {"function": lone.function, "place": place}


def loaders_apart(record: Record, symptom: Symptom) -> Dose | None:
    """Those of the two loaders that shuffle, where they are of equal length."""
    pairing = record.fact(facts.Pairing)
    keys = [*pairing.inputs, *pairing.targets] if pairing else []
    loaders = [record.fact(facts.Loader, key) for key in keys]
    sizes = {loader and (loader.examples, loader.batch_size) for loader in loaders}
    shuffling = [key for key, loader in zip(keys, loaders) if loader and loader.shuffles]
    return {"loaders": shuffling} if shuffling and len(sizes) == 1 else None


def example_axes(number: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of other axes for a call that moves the batch: each one further, or the last ones.

    Who counts the axes of one example forgets the batch; an image's height and width are its last two.
    """

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        moved = record.fact(facts.MovedExamples)
        if moved is None:
            return None
        counted = [axis % moved.dimensions + 1 for axis in moved.axes]
        last = [moved.dimensions - len(moved.axes) + i for i in range(len(moved.axes))]
        fitting = [axes for axes in (counted, last) if min(axes) > 0 and max(axes) < moved.dimensions]
        choices = [axes for i, axes in enumerate(fitting) if axes not in fitting[:i]]
        if number >= len(choices):
            return None
        axes: tuple[int, ...] | int = tuple(choices[number]) if len(moved.axes) > 1 else choices[number][0]
        at = {"kind": "moved_examples", "place": "0", "function": moved.function, "line": moved.line}
        return {**at, "keyword": "dims", "index": 1 if moved.function == "roll" else 0, "value": axes}

    return dose


def of_the_difference(record: Record, symptom: Symptom) -> Dose | None:
    """Which side of the difference is the target."""
    connections = record.fact(facts.Connections)
    found = connections.broadcast if connections else None
    return {"operand": found.operand if found else "right"}


def time_first(record: Record, symptom: Symptom) -> Dose | None:
    """A layer that takes the first dimension for time, or the second, mixes the examples."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or mixing.by not in LAYERS:
        return None
    return {"batch_first": not mixing.batch_first, "optimizer": symptom.optimizer}


def cut_up(record: Record, symptom: Symptom) -> Dose | None:
    """A change of shape mixes the examples: the first two dimensions were to be exchanged."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or mixing.by != "reshape":
        return None
    dropped = [f"squeeze({dim})" for dim in sorted(mixing.single, reverse=True)]
    return {"site": "mixing", "call": ".".join([*dropped, "transpose(0, 1)"])}


def within_the_example(record: Record, symptom: Symptom) -> Dose | None:
    """The dimension of an example's own entries, for a softmax that is taken along the batch."""
    mixing = record.fact(facts.Mixing)
    if mixing is None or mixing.by != "softmax":
        return None
    return {"activation": "softmax", "site": ("mixing", "0"), "dim": mixing.dim}


def exchange(record: Record, symptom: Symptom) -> Dose | None:
    """The exchange of dimensions that a change of shape pretends to."""
    found = record.fact(facts.Exchanged, "0")
    if found is None:
        return None
    order = found.dims
    moved = [i for i, dim in enumerate(order) if dim != i]
    call = f"transpose({moved[0]}, {moved[1]})" if len(moved) == 2 else f"permute({', '.join(map(str, order))})"
    return {"site": "exchanged", "call": call}
