"""What each symptom is called in the report: a few plain words that can stand as a headline."""

from descend.report.wording import plain_name

TITLES = {
    "bad_data": "the data are damaged",
    "bad_initialisation": "the initial weights are badly scaled",
    "batch_size": "the batch size does not suit this run",
    "broadcasting": "predictions and targets are broadcast against each other",
    "cliff": "the run fell off a cliff",
    "clipping_too_hard": "gradients are clipped too hard",
    "correlated_inputs": "inputs are correlated",
    "covariate_shift": "layer inputs drift during training",
    "dead_units": "units are dead",
    "eval_mode": "the model trains in evaluation mode",
    "examples_mixed": "the examples of a batch are mixed",
    "exploding_gradients": "gradients explode",
    "fluctuations": "gradient noise hides the progress",
    "frozen_or_detached": "part of the model is frozen or detached",
    "ill_conditioned_curvature": "the curvature is ill-conditioned",
    "incorrect_gradients": "gradients are incorrect",
    "inputs_not_normalised": "inputs are not normalised",
    "instability": "training is unstable",
    "labels_wrong": "labels are wrong",
    "layer_rate_mismatch": "layers learn at different rates",
    "local_optima": "the result depends on the start",
    "momentum_mismatch": "momentum and learning rate do not match",
    "negated_loss": "the loss is negated",
    "no_nonlinearity": "the layers have no nonlinearity between them",
    "no_signal": "the inputs do not predict the labels",
    "no_step": "the optimizer never changes the weights",
    "no_zero_grad": "gradients are never zeroed",
    "oscillation": "the steps oscillate",
    "outliers": "a few examples dominate the loss",
    "output_loss_mismatch": "the output layer and the loss disagree",
    "over_regularised": "the penalty outweighs the data",
    "overfitting": "the model memorises its training data",
    "parameters_not_in_optimizer": "parameters are missing from the optimizer",
    "plateau": "the run is on a plateau",
    "saddle_point": "the run is at a saddle point",
    "saturated_units": "units are saturated",
    "schedule": "the learning-rate schedule is wrong",
    "sharp_minimum": "the minimum is sharp",
    "slow_progress": "progress is slow",
    "stopped_too_early": "the run stopped too early",
    "stragglers": "some workers hold up the others",
    "sum_reduction": "the loss grows with the batch",
    "symmetric_units": "units are copies of each other",
    "targets_not_scaled": "targets are not scaled",
    "unshuffled_data": "the data are not shuffled",
    "vanishing_gradients": "gradients vanish",
    "warm_start": "the warm start has a wrong learning rate",
}


def title(symptom: str) -> str:
    """Return the headline of a symptom id; the id in plain words where it has none of its own."""
    return TITLES.get(symptom, plain_name(symptom))
