"""The names that reports use for descend's measurements."""

from collections.abc import Iterable

from descend.doctor.record import Note
from descend.doctor.report.formatting import one_line, plain_name

NAMES = {
    "loss_input": "outputs and targets",
    "not finite": "NaN and infinities",
    "left out": "data that the loss masks",
    "batch": "later batches",
    "connections": "which parameters are trained",
    "divergence": "the divergence's inputs",
    "constant term": "constant terms of the loss",
    "mixed reductions": "whether the loss adds a summed term to an averaged term",
    "balance": "gradient norm of each term of the loss",
    "blocking": "calls that block the gradient",
    "editable calls": "calls between the data, the network and the loss",
    "class weights": "weights of the classes in the loss",
    "drawn rows": "rows that the batches take",
    "origins": "rows of inputs and targets",
    "pairing": "batch pairing",
    "equivariance": "whether the step treats the examples of a batch alike",
    "widths": "layer widths",
    "zero input": "layers whose input is zero",
    "self-sampled loss": "whether the loss depends on random numbers drawn by the network",
    "selected examples": "whether the network selects the examples over which the loss is averaged",
    "mixing": "whether the outputs for a batch's examples are independent",
    "dimensions": "exchanged dimensions",
    "singular": "infinite derivatives",
    "leak": "targets among the inputs",
    "inputs": "scale of the inputs",
    "answers": "whether the outputs depend on the inputs",
    "signal": "whether the targets depend on the inputs",
    "gradient": "gradient",
    "through_time": "gradient through time",
    "duplicate units": "identical units",
    "activations": "activations",
    "evaluated": "evaluation passes of the script",
    "monitored_loss": "loss on fixed examples",
    "running statistics": "running statistics",
    "reachability": "lowest reachable loss after each call",
    "curvature": "curvature",
    "gradient_noise": "gradient noise",
    "spread_metric": "loss on later examples",
    "update_ratio": "size of the updates",
    "gradients": "gradients by finite differences",
    "gradient_check": "custom backward passes",
    "tape": "replay of a step",
    "monitor": "fixed examples",
    "store": "record",
    "scratch": "scratch copy",
    "observer": "observation",
    "ranks": "processes of the group",
    "threads": "end of the script's threads",
}


def measurement_name(probe: str) -> str:
    """Return the name of a measurement in reports: `identical units` for `duplicate units`."""
    return one_line(NAMES.get(probe, plain_name(probe)))


def group_by_reason(notes: Iterable[Note]) -> dict[str, list[str]]:
    """Return a dictionary from each reason for missing measurements to the names of these measurements."""
    grouped: dict[str, list[str]] = {}
    for note in notes:
        probes = grouped.setdefault(one_line(note.reason), [])
        name = measurement_name(note.probe)
        if name not in probes:
            probes.append(name)
    return grouped
