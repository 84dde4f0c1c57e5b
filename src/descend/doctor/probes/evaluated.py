"""What the network is given where it is evaluated: how far from what it is trained on, and what that goes through.

The distance is Fréchet's between normal distributions (Dowson & Landau 1982, eq. 4), feature by feature: the root of
(m − m')² + (σ − σ')², here in units of the smaller of the two σ.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from descend.doctor.probes.inputs import fed_rows
from descend.doctor.probes.on_the_way import Note, before, edits, inner_slots, span, told
from descend.doctor.probes.own_measure import own_measure
from descend.doctor.probes.snapshot import Measurement, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording

LEAST_SPREAD = 1e-6  # of the larger σ: below it one sample does not vary
LEAST = 30  # examples of each, or their mean and σ say little


@dataclass(frozen=True)
class Trained:
    """The fixed examples of the training that evaluations are held against, each thing of them computed once."""

    recordings: tuple[Recording, ...]

    @cached_property
    def calls(self) -> set[tuple[str, int, int, int]]:
        """Where the calls before the network stand."""
        return {span(op.site) for known in self.recordings for op in before(known) if op.site is not None}

    @cached_property
    def rows(self) -> Tensor:
        """What the network is fed (examples, features). Raises `Unavailable`."""
        return fed_rows(self.recordings)[0]

    def is_network_of(self, evaluated: Recording) -> bool:
        """Whether the data of an evaluation meet parameters of the network first, be it in its middle: a decoder's."""
        known = {id(parameter) for recording in self.recordings for parameter in recording.parameters.values()}
        return not _met(evaluated).isdisjoint(known)

    def begins_as(self, evaluated: Recording) -> bool:
        """Whether the data of an evaluation meet the parameters first that those of the training do."""
        return not _met(evaluated).isdisjoint(_met(self.recordings[0]))


def _met(recording: Recording) -> set[int]:
    layer = recording.first_layer
    return set() if layer is None else {id(recording.parameters.get(slot)) for slot in layer.inputs} - {id(None)}


def evaluated(recording: Recording, trained: Trained, key: str, step: int, note: Note) -> Measurement:
    """Yield a fact `on_evaluated` for each call that an evaluation alone has before the network; `evaluated_inputs`.

    That one holds the distance of the feature in the middle, and mean and σ of all features together. key: which
    evaluation.
    """
    # What is compared with the network's answer makes the script's own measure, which no edit may touch.
    fed = set() if recording.input_slot is None else recording.behind(recording.input_slot)
    own = {op for op in before(recording) if op.site is not None and span(op.site) not in trained.calls}
    hidden = _compared(recording)  # what makes of it something else keeps the answer from the network
    if calls := {op for op in own if fed.intersection(op.outputs) and hidden.isdisjoint(op.inputs[:1])}:
        yield from told(edits(recording, calls, facts.OnEvaluated), step, note, f"{key}.")
    if not trained.begins_as(recording):
        return
    yield from own_measure(recording, trained.recordings[0], step, key, note)
    try:
        theirs, ours = fed_rows([recording])[0], trained.rows
    except Unavailable:  # token ids have no mean
        return
    if min(len(theirs), len(ours)) >= LEAST and theirs.shape[1] == ours.shape[1]:
        numbers = [float(of_all) for of_all in (theirs.mean(), theirs.std(), ours.mean(), ours.std())]
        half = len(ours) // 2
        numbers.append(distance(ours[:half], ours[half:]))
        yield Fact.of(facts.EvaluatedInputs(distance(theirs, ours), len(theirs), *numbers), step, key)


def _compared(recording: Recording) -> set[int]:
    """Return the slots that the network's outputs are compared with, and those that they are made of."""
    return set().union(*(recording.behind(slot) for slot in compared_slots(recording)))


def compared_slots(recording: Recording) -> list[int]:
    """Return the slots that the network's outputs are compared with, in the order of the calls."""
    said = set() if recording.input_slot is None else {recording.input_slot}
    for op in recording.ops:
        if said.intersection(op.inputs):
            said.update(slot for slot in op.outputs if slot is not None)
    inner, found = inner_slots(recording), dict[int, None]()
    for op in recording.ops:
        if said.intersection(op.inputs) and inner.isdisjoint((*op.inputs, *op.outputs)):
            found.update((slot, None) for slot in op.inputs if slot not in said and slot not in recording.parameters)
    return list(found)


def distance(a: Tensor, b: Tensor) -> float:
    """Return how far two samples (examples, features) lie apart: the median over the features that vary in either."""
    (m, s), (n, t) = ((x.mean(0), x.std(0, correction=0)) for x in (a, b))
    apart, larger = ((m - n).square() + (s - t).square()).sqrt(), torch.maximum(s, t)
    unit, varies = torch.maximum(torch.minimum(s, t), LEAST_SPREAD * larger), larger > 0
    return float((apart / unit)[varies].median()) if bool(varies.any()) else 0.0
