"""Which probe takes each measurement: why one is missing is known from what that probe noted."""

from descend.doctor.record.record import Record

TAPE = "tape"  # the replay of a step, which every probe needs
MEASURED_BY = {
    name: probe
    for probe, names in {
        "activations": "activation activation_scale dead_share saturated_share",
        "answers": "answers",
        "balance": "loss_term",
        "batch": "batch",
        "blocking": "on_network",
        "connections": "connections",
        "constant term": "constant_term",
        "curvature": "curvature curvature_lowest curvature_standardised preconditioned_curvature",
        "dimensions": "exchanged lone_entry",
        "divergence": "divergence",
        "gradient": "gradient_norm",
        "gradient_noise": "gradient_noise_scale",
        "inputs": "inputs input_condition_number input_condition_number_standardised",
        "leak": "target_leak",
        "left out": "bad_data",
        "loss_input": "loss_input targets",
        "mixed reductions": "mixed_reductions",
        "mixing": "mixing",
        "monitored_loss": "accuracy median_error monitored_loss yardstick",
        "not finite": "not_finite",
        "on the way": "of_loss on_inputs on_loss",
        "own draws": "self_sampled_loss",
        "own selection": "own_selection",
        "pairing": "pairing",
        "reachability": "crossing floor reachability",
        "running statistics": "running_statistics yardstick_in_training",
        "signal": "signal",
        "singular": "singular",
        "through_time": "recurrent through_time",
        "twins": "twin_share",
        "update_ratio": "update_ratio",
        "widths": "widths",
        "zero input": "zero_input",
    }.items()
    for name in names.split()
}
# What only the script can provide: without it there is nothing to measure.
PROVIDED_BY_SCRIPT = {
    "evaluation_loss": "the script computes no loss on held-out data",
    "evaluated_inputs": "no evaluation of the script could be recorded",
    "own_measure": "no evaluation metric of the script was recognised",
    "own_number": "the script prints no metric by name",
}


def why_missing(record: Record, name: str) -> tuple[str, str] | None:
    """Return what is missing and why, of a measurement that a record lacks; None where there was nothing to measure."""
    if name in PROVIDED_BY_SCRIPT:
        return name, PROVIDED_BY_SCRIPT[name]
    probe = MEASURED_BY.get(name)
    if probe is None:
        return None
    reasons = {note.probe: note.reason for note in reversed(record.notes)}  # the first that each probe noted
    if not record.has_fixed_examples:
        return TAPE, reasons.get(TAPE, "no step of the training could be replayed")
    return (probe, reasons[probe]) if probe in reasons else None
