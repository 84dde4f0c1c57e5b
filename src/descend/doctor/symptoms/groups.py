"""The groups of problems, as the documentation and `descend explain` list them.

This module imports nothing, so that the shell can complete the ids of problems without a delay.
"""

GROUPS = {
    "Training loop": (
        "no_batch no_step no_zero_grad gradients_lost parameters_not_in_optimizer frozen_or_detached "
        "weights_not_loaded incorrect_gradients wrong_step clipped_after_step eval_mode"
    ).split(),
    "Output and loss": (
        "output_loss_mismatch negated_loss broadcasting sum_reduction mixed_reductions unbalanced_terms "
        "unbounded_loss unreachable_loss infinite_gradient class_weights wrong_objective"
    ).split(),
    "Data": (
        "bad_data inputs_not_normalised targets_not_scaled correlated_inputs outliers labels_wrong unshuffled_data "
        "unpaired_targets examples_not_drawn stored_examples_changed target_leak selection_before_split no_signal "
        "unreadable zero_input"
    ).split(),
    "Evaluation": (
        "evaluated_in_training_mode evaluated_on_other_inputs copy_not_updated lagging_statistics wrong_metric"
    ).split(),
    "Network and initialisation": (
        "bad_initialisation symmetric_units dead_units saturated_units vanishing_gradients exploding_gradients "
        "no_nonlinearity narrow_layer degenerate_normalisation dimensions_exchanged examples_mixed blocked_signal "
        "covariate_shift"
    ).split(),
    "Learning rate and curvature": (
        "instability oscillation slow_progress schedule clipping_too_hard momentum_mismatch layer_rate_mismatch "
        "warm_start cliff ill_conditioned_curvature plateau saddle_point optimisation"
    ).split(),
    "Noise and generalisation": (
        "fluctuations batch_size over_regularised overfitting stopped_too_early local_optima"
    ).split(),
    "Several processes": ["stragglers"],
}
