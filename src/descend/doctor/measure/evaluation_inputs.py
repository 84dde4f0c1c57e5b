"""How far the network's inputs in evaluation are from those in training, and the calls that only evaluation applies.

The distance is Fréchet's between normal distributions (Dowson & Landau 1982, eq. 4), per feature: the square root of
(m − m')² + (σ − σ')², divided here by the smaller σ.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from descend.doctor.measure.editable_calls import (
    NoteSite,
    data_calls,
    edit_facts,
    find_edits,
    ids_before_parameters,
    source_span,
)
from descend.doctor.measure.inputs import network_inputs
from descend.doctor.measure.metric_validity import metric_validity
from descend.doctor.measure.snapshot import Measurement, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording

LEAST_SPREAD = 1e-6  # A sample counts as constant if its σ is below this share of the other sample's σ.
LEAST = 30  # If a sample has fewer examples than this, its mean and σ are too uncertain.


@dataclass(frozen=True)
class TrainingReference:
    """The fixed training examples that evaluations are compared with; each property is computed only once."""

    recordings: tuple[Recording, ...]

    @cached_property
    def calls(self) -> set[tuple[str, int, int, int]]:
        """The places in the source of the training calls between the data and the network."""
        return {source_span(op.site) for known in self.recordings for op in data_calls(known) if op.site is not None}

    @cached_property
    def rows(self) -> Tensor:
        """The inputs ``(examples, features)`` of the network in training. Raises `Unavailable`."""
        return network_inputs(self.recordings)[0]

    @cached_property
    def parameters(self) -> set[int]:
        """The ids of the network's parameters."""
        return {id(parameter) for recording in self.recordings for parameter in recording.parameters.values()}

    def is_network_of(self, evaluated: Recording) -> bool:
        """Return whether an evaluation passes data to any part of this network, such as its decoder."""
        return not _first_parameters(evaluated).isdisjoint(self.parameters)

    def has_same_first_layer(self, evaluated: Recording) -> bool:
        """Return whether an evaluation's data enter the network at the same parameters as the training data."""
        return not _first_parameters(evaluated).isdisjoint(_first_parameters(self.recordings[0]))


def _first_parameters(recording: Recording) -> set[int]:
    """Return the ids of the parameters of the first layer of a recorded network."""
    layer = recording.first_layer
    return set() if layer is None else {id(recording.parameters.get(slot)) for slot in layer.inputs} - {id(None)}


def evaluation_inputs(
    recording: Recording, trained: TrainingReference, key: str, step: int, note: NoteSite
) -> Measurement:
    """Yield the calls that only the evaluation applies to its inputs, and how far these are from the training inputs.

    `evaluated_inputs` holds the median distance over the features, and mean and σ of all features together. `key`
    names the evaluation.
    """
    # Tensors that are compared with the outputs define the script's own metric, which no edit may change.
    fed = set() if recording.input_slot is None else recording.upstream_slots(recording.input_slot)
    own = {op for op in data_calls(recording) if op.site is not None and source_span(op.site) not in trained.calls}
    hidden = _compared(recording)  # Skipped, because a call on these tensors may hide the targets from the network.
    if calls := {op for op in own if fed.intersection(op.outputs) and hidden.isdisjoint(op.inputs[:1])}:
        yield from edit_facts(find_edits(recording, calls, facts.OnEvaluated), step, note, f"{key}.")
    if not trained.has_same_first_layer(recording):
        return
    yield from metric_validity(recording, trained.recordings[0], step, key, note)
    try:
        theirs, ours = network_inputs([recording])[0], trained.rows
    except Unavailable:  # Token ids have no mean.
        return
    if min(len(theirs), len(ours)) >= LEAST and theirs.shape[1] == ours.shape[1]:
        numbers = [float(of_all) for of_all in (theirs.mean(), theirs.std(), ours.mean(), ours.std())]
        half = len(ours) // 2
        numbers.append(distance(ours[:half], ours[half:]))
        yield Fact.of(facts.EvaluatedInputs(distance(theirs, ours), len(theirs), *numbers), step, key)


def _compared(recording: Recording) -> set[int]:
    """Return the ids of the values that the network's outputs are compared with, and of all values upstream."""
    return set().union(*(recording.upstream_slots(slot) for slot in compared_slots(recording)))


def compared_slots(recording: Recording) -> list[int]:
    """Return the ids of the values that the network's outputs are compared with, in the order of the calls."""
    said = set() if recording.input_slot is None else {recording.input_slot}
    for op in recording.ops:
        if said.intersection(op.inputs):
            said.update(slot for slot in op.outputs if slot is not None)
    inner, found = ids_before_parameters(recording), dict[int, None]()
    for op in recording.ops:
        if said.intersection(op.inputs) and inner.isdisjoint((*op.inputs, *op.outputs)):
            found.update((slot, None) for slot in op.inputs if slot not in said and slot not in recording.parameters)
    return list(found)


def distance(a: Tensor, b: Tensor) -> float:
    """Return the median over features of the distance of two samples' means and σ, in units of the smaller σ."""
    (m, s), (n, t) = ((x.mean(0), x.std(0, correction=0)) for x in (a, b))
    apart, larger = ((m - n).square() + (s - t).square()).sqrt(), torch.maximum(s, t)
    unit, varies = torch.maximum(torch.minimum(s, t), LEAST_SPREAD * larger), larger > 0
    return float((apart / unit)[varies].median()) if bool(varies.any()) else 0.0
