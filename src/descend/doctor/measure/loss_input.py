"""The inputs of the loss: ranges, row sums, shapes and types of predictions and targets, and the output activation."""

from dataclasses import replace

import torch
from torch import Tensor

from descend.doctor.measure.class_shares import class_shares
from descend.doctor.measure.loss_call import (
    LossCall,
    activation_of,
    class_dim,
    ignored_class,
    loss_call,
    module_of,
    setting,
)
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.monitored_loss import binary_entropy
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, activation_site, no_grad_float
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.record.task import Task

FEW = 20  # At most one in this many values counts as an outlier.
PLAIN = 2  # If a tensor has more dimensions than this, the first dimension may be time.
WHOLE = 0.01  # an example's targets can be probabilities if their sum differs from 1 by at most this
EXAMPLES = 16  # With fewer examples than this, the mean of an output is too uncertain.


def loss_input(snapshot: Snapshot) -> Measurement:
    """Yield a fact about the predictions that the loss receives and, once, a fact about its targets.

    Raises `Unavailable` unless each recording has exactly one loss call, of the same function.
    """
    calls = [loss_call(recording) for recording in snapshot.recordings()]
    call = calls[0]
    for recording, each in zip(snapshot.recordings(), calls):
        if each is None:
            raise Unavailable(no_loss_call_message(recording))
    if call is None or any(c is None or c.function != call.function for c in calls):
        raise Unavailable("the losses of the first steps are computed by different loss functions")
    pairs = [forward.pair for forward in snapshot.trained if forward.pair is not None]
    if len(pairs) < len(calls):
        raise Unavailable(no_loss_call_message(snapshot.recordings()[0]))
    inputs = [no_grad_float(z) for z, _ in pairs]
    targets = [t for _, t in pairs]
    yield Fact.of(_describe_predictions(snapshot, call, inputs, targets), snapshot.step)
    if snapshot.memory.get("targets_of", 0) < len(snapshot.recordings()):
        snapshot.memory["targets_of"] = len(snapshot.recordings())
        snapshot.note_site(SiteKind.LOSS, "", call.op.site, call.function)
        module = module_of(call.op)
        if module is not None and type(module).__module__ == "torch.nn.modules.loss":
            snapshot.note_site(SiteKind.LOSS_MODULE, "0", snapshot.made_at(module), type(module).__name__)
        yield Fact.of(_describe_targets(call, inputs, targets), snapshot.step)


def _describe_predictions(
    snapshot: Snapshot, call: LossCall, inputs: list[Tensor], targets: list[Tensor]
) -> facts.LossInput:
    """Return the range, shape, row sums and output activation of the predictions that the loss receives."""
    z = torch.cat([t.reshape(-1) for t in inputs])
    dim = class_dim(inputs[0])
    classes = inputs[0].shape[dim] if call.task == Task.CLASSES or inputs[0].ndim > 1 else 1
    found = facts.LossInput(
        function=call.function,
        task=call.task,
        shape=tuple(inputs[0].shape),
        target_shape=tuple(targets[0].shape),
        dtype=str(inputs[0].dtype).removeprefix("torch."),
        min=float(z.min()),
        max=float(z.max()),
        classes=classes,
        spread=max(float(t.std(0, correction=0).max()) if t.ndim and len(t) else 0.0 for t in inputs),
        reduction=setting(call, "reduction") or "mean",
        by_hand=call.by_hand,
        activation=None,
    )
    if call.task == Task.CLASSES and inputs[0].ndim > 1:
        sums = torch.cat([t.sum(dim).reshape(-1) for t in inputs])
        logs = torch.cat([t.logsumexp(dim).reshape(-1) for t in inputs])
        found = replace(found, row_sum_min=float(sums.min()), row_sum_max=float(sums.max()))
        found = replace(found, largest_log_sum=float(logs.abs().max()))
    return _with_activation(snapshot, call, found)


def _with_activation(snapshot: Snapshot, call: LossCall, found: facts.LossInput) -> facts.LossInput:
    """Return the fact about the predictions with the names of the output activation and of one directly before it."""
    op = call.activation
    if op is None:
        return found
    snapshot.note_site(SiteKind.ACTIVATION, "output", *activation_site(snapshot, op))
    module = module_of(op)
    name = snapshot.modules(module) if module is not None else ""
    recording = snapshot.recordings()[0]
    inner = activation_of(recording.ops[: recording.ops.index(op)], op.inputs[0]) if op.inputs else None
    inside = inner.name.rstrip("_") if inner else None
    return replace(found, activation=op.name.rstrip("_"), activation_module=name, inner_activation=inside)


def _describe_targets(call: LossCall, inputs: list[Tensor], targets: list[Tensor]) -> facts.Targets:
    """Return the type, the range and the class frequencies of the targets."""
    t = torch.cat([x.reshape(-1) for x in targets])
    dtype, count = str(t.dtype).removeprefix("torch."), t.numel()
    if t.is_floating_point() or call.task == Task.REAL:
        return _describe_numbers(call, targets, dtype)
    t = t[t != ignored_class(call)] if call.task == Task.CLASSES else t
    _, counts = t.unique(return_counts=True)
    classes = inputs[0].shape[class_dim(inputs[0])] if call.task == Task.CLASSES and inputs[0].ndim else len(counts)
    shares = class_shares(counts.double(), max(classes, len(counts)))
    found = facts.Targets(dtype, count, **shares._asdict())
    return replace(found, min=int(t.min()), max=int(t.max())) if t.numel() else found


def _describe_numbers(call: LossCall, targets: list[Tensor], dtype: str) -> facts.Targets:
    """Return the moments of real-valued targets, and their entropies if they are probabilities."""
    t, rows = no_grad_float(torch.cat([x.reshape(-1) for x in targets])), _target_rows(targets)
    distances = (t - t.median()).abs()
    found = facts.Targets(
        dtype,
        count=t.numel(),
        min=float(t.min()),
        max=float(t.max()),
        mean=float(t.mean()),
        std=float(t.std(correction=0)),
        median=float(t.median()),
        # the mean squared error of the best constant for each output
        constant_cost=float(rows.var(0, correction=0).mean()),
        largest_rms=float(rows.square().mean(0).max().sqrt()),
        deviation=float(distances.median()),
        gap=_outlier_ratio(distances),
        finite=bool(t.isfinite().all()),
        # the number of constants: one for each output if outputs can be distinguished
        constants=1 if call.task == Task.BINARY else rows.shape[1],
    )
    if call.task == Task.CLASSES:
        return _with_distributions(targets, found)
    if call.task == Task.BINARY:
        floor = _simplex_floor(rows) if rows.shape[1] > 1 else 0.0
        found = replace(found, own_entropy=float(binary_entropy(t).mean()), simplex_floor=floor)
    return replace(found, whole_values=len(t.unique())) if bool((t == t.round()).all()) else found


def _with_distributions(targets: list[Tensor], found: facts.Targets) -> facts.Targets:
    """Return the fact about the targets with the entropies and row sums of targets that are class distributions."""
    sums = torch.cat([no_grad_float(x).sum(class_dim(x)).reshape(-1) for x in targets])
    whole = torch.cat([no_grad_float(x).reshape(-1) for x in targets])
    own_entropy = float(-torch.xlogy(whole, whole.clamp_min(0)).sum()) / len(sums)
    found = replace(found, own_entropy=own_entropy, **class_shares(_class_sums(targets))._asdict())
    return replace(found, row_sum_min=float(sums.min()), row_sum_max=float(sums.max()))


def _simplex_floor(rows: Tensor) -> float:
    """Return the smallest possible binary cross-entropy of outputs that sum to 1, reached by p = t / Σ t.

    Only rows with a sum above 1 count, because such outputs can fit a single class per example, smoothed or not.
    """
    sums = rows.sum(1)
    least = torch.xlogy(sums, sums) - torch.xlogy(rows, rows).sum(1)
    return float(least[sums > 1 + WHOLE].sum()) / rows.numel()


def _target_rows(targets: list[Tensor]) -> Tensor:
    """Return the targets as ``(examples, outputs)``, with one output if the layout is unclear or examples are few."""
    alike = len({t.shape[1:] for t in targets}) == 1 and targets[0].ndim == PLAIN
    if alike and sum(map(len, targets)) >= EXAMPLES:
        return torch.cat([no_grad_float(t) for t in targets])
    return torch.cat([no_grad_float(t).reshape(-1, 1) for t in targets])


def _outlier_ratio(distances: Tensor) -> float:
    """Return the factor by which the largest deviations exceed the next smaller ones; 1 if there are no outliers."""
    far = distances.sort().values[-max(2, len(distances) // FEW) :]
    return float((far[1:] / far[:-1].clamp_min(1e-30)).max()) if len(far) > 1 else 1.0


def _class_sums(targets: list[Tensor]) -> Tensor:
    """Return the sum over all examples of targets that are class distributions, one value for each class."""
    dim = class_dim(targets[0])
    rows = [no_grad_float(t).movedim(dim, -1).reshape(-1, t.shape[dim]) for t in targets]
    return torch.cat(rows).double().sum(0)
