"""A table of the probe that takes each measurement. The probe's notes say why a measurement is missing."""

from descend.doctor.record.record import Record

FOR_TIME = "to stay within the time budget"  # end of each note on a measurement that a run had no time for
TAPE = "tape"  # name of the recording of a training step, which most measurements replay
MEASURED_BY = {
    name: probe
    for probe, names in {
        "activations": "activation activation_scale dead_share saturated_share",
        "answers": "output_target_covariance",
        "balance": "loss_term",
        "batch": "batch",
        "blocking": "on_network",
        "class weights": "class_weights ignored_class",
        "connections": "connections",
        "constant term": "constant_term",
        "curvature": "curvature curvature_lowest curvature_standardised preconditioned_curvature",
        "dimensions": "exchanged lone_entry",
        "divergence": "divergence",
        "equivariance": "order_dependence",
        "gradient": "gradient_norm",
        "gradient_noise": "gradient_noise_scale",
        "inputs": "inputs input_condition_number input_condition_number_standardised",
        "leak": "target_leak",
        "left out": "bad_data",
        "loss_input": "loss_input targets",
        "mixed reductions": "mixed_reductions",
        "mixing": "mixing",
        "monitored_loss": "accuracy median_error monitored_loss metric",
        "not finite": "not_finite",
        "editable calls": "of_loss on_inputs on_loss",
        "self-sampled loss": "self_sampled_loss",
        "selected examples": "selected_examples_loss",
        "origins": "changed_examples different_rows target_shift",
        "drawn rows": "drawn_rows",
        "pairing": "pairing",
        "reachability": "crossing floor reachability",
        "running statistics": "running_statistics metric_in_training_mode",
        "signal": "signal",
        "singular": "singular",
        "through_time": "recurrent through_time",
        "duplicate units": "duplicate_share",
        "update_ratio": "update_ratio",
        "widths": "widths",
        "zero input": "zero_input",
    }.items()
    for name in names.split()
}
# Some measurements require code that not every script has, such as an evaluation.
PROVIDED_BY_SCRIPT = {
    "evaluation_loss": "the script computes no loss on held-out data",
    "evaluated_inputs": "no evaluation of the script could be recorded",
    "metric_computation": "no evaluation metric of the script was recognised",
    "logged_metric": "the script prints no metric by name",
}


def why_missing(record: Record, name: str) -> tuple[str, str] | None:
    """Return why a run lacks the measurement `name`, after the name of the code that should have taken it.

    Returns None if the reason is unknown.
    """
    if name in PROVIDED_BY_SCRIPT:
        return name, PROVIDED_BY_SCRIPT[name]
    probe = MEASURED_BY.get(name)
    if probe is None:
        return None
    # If there are several notes on one measurement, the first one gives the reason.
    reasons = {note.probe: note.reason for note in reversed(record.notes)}
    if not record.has_fixed_examples:
        return TAPE, reasons.get(TAPE, "no training step could be replayed")
    return (probe, reasons[probe]) if probe in reasons else None
