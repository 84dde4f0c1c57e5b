"""What each measurement is called where somebody reads it."""

from collections.abc import Iterable

from descend.doctor.record import Note
from descend.doctor.report.wording import one_line, plain_name

NAMES = {
    "loss_input": "outputs and targets",
    "not finite": "NaN and infinities",
    "left out": "data that the loss masks",
    "batch": "later batches",
    "connections": "which parameters are trained",
    "divergence": "the divergence's inputs",
    "constant term": "constant terms of the loss",
    "mixed reductions": "whether the loss adds a sum to a mean",
    "balance": "how hard each term of the loss pulls",
    "blocking": "calls that block the gradient",
    "on the way": "calls between data, network and loss",
    "pairing": "batch pairing",
    "moved examples": "whether examples stay with their targets",
    "widths": "layer widths",
    "zero input": "layers fed zeros",
    "own draws": "whether the network draws at random what its loss is made of",
    "own selection": "whether the network selects what its loss is the mean of",
    "mixing": "whether the examples of a batch are independent",
    "dimensions": "dimensions exchanged",
    "singular": "infinite derivatives",
    "leak": "targets among the inputs",
    "inputs": "scale of the inputs",
    "answers": "whether new examples are answered to",
    "signal": "whether the targets depend on the inputs",
    "gradient": "gradient",
    "through_time": "gradient through time",
    "twins": "identical units",
    "activations": "activations",
    "monitored_loss": "cost of fixed examples",
    "running statistics": "running statistics",
    "reachability": "how low the loss can go behind each call",
    "curvature": "curvature",
    "gradient_noise": "gradient noise",
    "spread_yardstick": "cost of later examples",
    "update_ratio": "size of the updates",
    "gradients": "gradients by finite differences",
    "gradient_check": "backward passes of your own",
    "tape": "replay of a step",
    "monitor": "fixed examples",
    "store": "record",
    "scratch": "scratch copy",
    "observer": "observation",
    "ranks": "processes of the group",
    "threads": "end of the script's threads",
}


def measurement(probe: str) -> str:
    """Return what a probe measures, in a few words: `identical units`."""
    return one_line(NAMES.get(probe, plain_name(probe)))


def group_notes(notes: Iterable[Note]) -> dict[str, list[str]]:
    """Return what could not be measured, by reason: reason -> the probes it stopped."""
    grouped: dict[str, list[str]] = {}
    for note in notes:
        probes = grouped.setdefault(one_line(note.reason), [])
        name = measurement(note.probe)
        if name not in probes:
            probes.append(name)
    return grouped
