"""Which findings name each operator's mistake, and whether a remedy undoes it: judged before any result was seen."""

# `evaluated_on_other_inputs` and `wrong_metric` were judged when they were made, before they met any of these.
# A symptom is judged by what it says in the README's table, not by its name: `labels_wrong` says that labels are all
# the same or outside what the loss is defined for, and is not right for labels that belong to another example.
RIGHT: dict[str, tuple[str, ...]] = {
    # losses
    "turned_loss": ("negated_loss",),
    "tiny_loss": ("slow_progress",),  # the curvature of what is descended shrinks, too: no plateau
    "huge_loss": ("instability", "oscillation"),  # exploding_gradients says that they grow with depth or time
    "squared_loss": (),  # each step is multiplied by the loss itself: nothing says so
    "turned_term": ("negated_loss",),  # debatable: one term of several is turned; the sign is what it speaks of
    "term_left_out": (),
    "sum_for_difference": ("negated_loss",),  # as turned_term; of prediction + target it is right in the sign alone
    "large_term": ("over_regularised",),  # where the term is a penalty; mixed_reductions would blame a sum
    "small_term": (),
    "power_left_out": (),  # debatable: it rewards errors of one sign, but turning the loss is no way out
    "other_reduction": ("sum_reduction", "mixed_reductions", "instability"),
    "summed": ("sum_reduction", "mixed_reductions", "instability"),  # the step is too long by the number of terms
    "arguments_exchanged": ("negated_loss",),  # what is to be near is pushed away
    "divergence_turned": ("output_loss_mismatch",),  # kl_div is fed probabilities where it takes logarithms
    "softmax_before": ("output_loss_mismatch",),
    "sigmoid_before": ("output_loss_mismatch",),
    "rectified_before": ("output_loss_mismatch",),
    "log_left_out": ("output_loss_mismatch",),
    "logits_for_probabilities": ("output_loss_mismatch",),
    "squares_for_classes": ("output_loss_mismatch",),  # debatable: in range, and yet not the loss for that output
    "absolute_for_squares": (),
    "flattened_output": ("broadcasting",),
    "margin_turned": (),
    # labels
    "labels_counted_from_one": (),  # debatable, as the next ones: they are wrong, and within what the loss takes
    "labels_counted_on": (),
    "labels_merged": (),
    "labels_turned": (),
    "labels_of_both_signs": ("labels_wrong",),
    "targets_turned": (),
    "targets_in_another_unit": ("targets_not_scaled",),
    "targets_rounded": (),
    "labels_of_the_neighbour": ("no_signal", "unpaired_targets", "wrong_metric"),
    "labels_shuffled": ("no_signal", "unpaired_targets", "wrong_metric"),
    "labels_reversed": ("no_signal", "unpaired_targets", "wrong_metric"),
    "labels_all_alike": ("labels_wrong", "no_signal", "wrong_metric"),
    "half_of_the_labels_wrong": (),  # the other half does depend on the inputs; overfitting is a consequence
    # inputs
    "not_normalised": ("inputs_not_normalised", "targets_not_scaled"),  # some of what is left as it was are targets
    # an autoencoder's labels then leave [0, 1]
    "not_divided": ("inputs_not_normalised", "labels_wrong", "evaluated_on_other_inputs"),
    "inputs_large": ("inputs_not_normalised", "evaluated_on_other_inputs"),
    "inputs_small": ("inputs_not_normalised", "evaluated_on_other_inputs"),
    "inputs_off_centre": ("inputs_not_normalised", "evaluated_on_other_inputs"),
    "inputs_noisy": ("evaluated_on_other_inputs",),
    "inputs_blank": ("zero_input", "no_signal", "evaluated_on_other_inputs"),
    "inputs_shuffled": ("no_signal", "unpaired_targets"),
    "inputs_of_the_neighbour": ("no_signal", "unpaired_targets"),
    "inputs_mirrored": (),
    "inputs_moved": (),
    "inputs_rounded": (),
    # gradients: incorrect_gradients speaks of a hand-written backward, which none of these has
    "not_cleared": ("no_zero_grad",),
    "not_stepped": ("no_step",),
    "not_computed": ("no_step", "frozen_or_detached"),  # the former says so since there is a remedy for it
    "cleared_before_the_step": ("no_step",),
    "computed_anew": ("frozen_or_detached",),
    "computed_twice": ("instability", "oscillation"),
    "turned_gradients": ("negated_loss",),  # debatable: it climbs, though the loss's own sign is right
    "signs_alone": (),
    "noisy_gradients": ("fluctuations",),
    "clipped_away": ("clipping_too_hard", "slow_progress"),
    "clipped_by_value": ("clipping_too_hard", "slow_progress"),
    "first_layers_frozen": ("frozen_or_detached",),
    "detached_within": ("frozen_or_detached",),
    "last_parameter_alone": ("parameters_not_in_optimizer",),
    "first_layer_left_out": ("parameters_not_in_optimizer",),
    "parameters_of_a_copy": ("parameters_not_in_optimizer",),
    # steps: that the rate is too high says warm_start of a later stage, and fluctuations of a noise floor
    "rate_times_1000": ("instability", "oscillation", "fluctuations", "warm_start"),
    "rate_times_30": ("instability", "oscillation", "fluctuations", "warm_start"),
    "rate_over_30": ("slow_progress",),  # stopped_too_early says that nothing is wrong but the number of steps
    "rate_over_1000": ("slow_progress",),
    "momentum_near_one": ("momentum_mismatch",),
    "forgetful_moments": (),
    "endless_moments": ("momentum_mismatch",),  # debatable: of Adam, whose first beta is its momentum
    "large_eps": ("slow_progress",),
    "strong_decay": ("over_regularised",),
    "maximised": ("negated_loss",),  # debatable: it climbs, though the loss's own sign is right
    "plain_descent": ("slow_progress", "ill_conditioned_curvature"),
    "adaptive_rule": ("instability", "oscillation", "fluctuations", "warm_start"),  # the rate was one for SGD
    "rate_that_fades": ("schedule",),  # slow_progress would raise a rate that fades all the same
    "rate_that_grows": ("instability", "oscillation"),
    "few_passes": ("stopped_too_early",),
    "batches_of_two": ("fluctuations",),
    "batches_of_all": ("batch_size",),
    # networks
    "activation_left_out": ("no_nonlinearity",),
    "function_left_out": ("no_nonlinearity",),
    "sigmoid_within": ("vanishing_gradients", "saturated_units"),
    "hard_threshold_within": ("saturated_units", "vanishing_gradients", "frozen_or_detached"),  # flat everywhere
    "softmax_within": ("vanishing_gradients",),
    "all_zero": ("symmetric_units", "bad_initialisation", "saddle_point"),
    "all_alike": ("symmetric_units", "bad_initialisation"),
    "large_weights": ("bad_initialisation", "exploding_gradients", "saturated_units"),
    "small_weights": ("bad_initialisation", "vanishing_gradients", "saddle_point"),
    "negative_weights": ("dead_units", "bad_initialisation", "saturated_units"),
    "biases_of_minus_ten": ("dead_units", "saturated_units", "bad_initialisation"),
    "without_bias": (),
    "much_dropout": ("over_regularised",),
    "not_normalised_within": ("covariate_shift", "inputs_not_normalised"),  # the latter where it was the first layer
    "sigmoid_at_the_end": ("output_loss_mismatch",),
    "tanh_at_the_end": ("output_loss_mismatch",),
    "rectified_at_the_end": ("output_loss_mismatch",),
    "softmax_at_the_end": ("output_loss_mismatch", "degenerate_normalisation", "examples_mixed"),  # by what is last
    "constant_at_the_end": ("examples_mixed",),
    "path_left_out": ("vanishing_gradients",),
    # shapes
    "over_the_batch": ("examples_mixed", "output_loss_mismatch"),
    "over_the_second": ("output_loss_mismatch", "degenerate_normalisation", "examples_mixed"),
    "over_the_last": ("output_loss_mismatch", "degenerate_normalisation"),
    "target_is_the_input": ("target_leak",),
    "input_is_the_target": ("target_leak",),
    "mask_turned": ("target_leak", "degenerate_normalisation"),  # some rows are masked as a whole
    "mask_turned_back": ("target_leak",),
    "mask_moved": ("degenerate_normalisation",),  # of the first row nothing is left
    "mask_moved_on": ("target_leak",),
    "mask_of_nothing": ("target_leak",),
    "mask_inverted": ("target_leak", "degenerate_normalisation"),
    "read_in_order": ("dimensions_exchanged", "examples_mixed"),
    "not_transposed": ("examples_mixed", "dimensions_exchanged"),  # the latter is debatable: there is no reshape
    "batch_for_time": ("examples_mixed",),
    "not_flattened": ("broadcasting",),
    # modes
    "trained_in_evaluation_mode": ("eval_mode",),
    "not_switched_back": ("eval_mode",),
    "evaluated_in_training_mode": (),  # eval_mode speaks of training
    "evaluation_mode_from_the_start": ("eval_mode",),
    "in_order": ("unshuffled_data",),
    "begun_anew": (),
    "rounded_weights": (),
    "weights_pulled_back": ("over_regularised",),  # a decay of a tenth a step, written by hand
    "memory_cleared": (),
}

# A remedy undoes a mistake where one that the canon doses does so, or makes up for it exactly, as a rate does for a
# factor of the loss under plain descent.
UNDONE: dict[str, str] = {
    # losses
    "turned_loss": "remedy",
    "tiny_loss": "remedy",
    "huge_loss": "remedy",
    "squared_loss": "no_remedy",
    "turned_term": "no_remedy",
    "term_left_out": "no_remedy",
    "sum_for_difference": "no_remedy",
    "large_term": "no_remedy",  # weigh_term divides sums that stand beside means
    "small_term": "no_remedy",
    "power_left_out": "no_remedy",
    "other_reduction": "remedy",
    "summed": "remedy",
    "arguments_exchanged": "no_remedy",
    "divergence_turned": "no_remedy",
    "softmax_before": "remedy",
    "sigmoid_before": "remedy",
    "rectified_before": "remedy",
    "log_left_out": "remedy",
    "logits_for_probabilities": "no_remedy",  # matching_loss could write it, and no row has it do so; so the next two
    "squares_for_classes": "no_remedy",
    "absolute_for_squares": "no_remedy",
    "flattened_output": "remedy",
    "margin_turned": "no_remedy",
    # labels
    "labels_counted_from_one": "no_remedy",
    "labels_counted_on": "no_remedy",
    "labels_merged": "no_remedy",
    "labels_turned": "no_remedy",
    "labels_of_both_signs": "no_remedy",
    "targets_turned": "no_remedy",
    "targets_in_another_unit": "no_remedy",  # debatable: standardised, the answers are still in the wrong unit
    "targets_rounded": "no_remedy",
    "labels_of_the_neighbour": "no_remedy",
    "labels_shuffled": "no_remedy",
    "labels_reversed": "no_remedy",
    "labels_all_alike": "no_remedy",
    "half_of_the_labels_wrong": "no_remedy",
    # inputs
    "not_normalised": "remedy",
    "not_divided": "remedy",
    "inputs_large": "remedy",  # debatable, as the next two: where evaluation is given the same inputs
    "inputs_small": "remedy",
    "inputs_off_centre": "remedy",
    "inputs_noisy": "no_remedy",
    "inputs_blank": "no_remedy",
    "inputs_shuffled": "no_remedy",
    "inputs_of_the_neighbour": "no_remedy",
    "inputs_mirrored": "no_remedy",
    "inputs_moved": "no_remedy",
    "inputs_rounded": "no_remedy",
    # gradients
    "not_cleared": "remedy",
    "not_stepped": "remedy",
    "not_computed": "remedy",
    "cleared_before_the_step": "remedy",
    "computed_anew": "remedy",
    "computed_twice": "remedy",
    "turned_gradients": "inverse",  # of turn_loss: nobody negates gradients by hand
    "signs_alone": "no_remedy",
    "noisy_gradients": "no_remedy",
    "clipped_away": "remedy",
    "clipped_by_value": "remedy",
    "first_layers_frozen": "remedy",
    "detached_within": "remedy",
    "last_parameter_alone": "inverse",  # of hold_parameters, as the next one: nobody cuts the list like this
    "first_layer_left_out": "inverse",
    "parameters_of_a_copy": "remedy",
    # steps
    "rate_times_1000": "remedy",
    "rate_times_30": "remedy",
    "rate_over_30": "remedy",
    "rate_over_1000": "remedy",
    "momentum_near_one": "remedy",
    "forgetful_moments": "no_remedy",  # no row has betas set
    "endless_moments": "no_remedy",
    "large_eps": "no_remedy",  # only an eps that is lost to precision is set
    "strong_decay": "remedy",
    "maximised": "inverse",  # of turn_loss: hardly anybody sets it by mistake
    "plain_descent": "remedy",
    "adaptive_rule": "remedy",
    "rate_that_fades": "no_remedy",  # constant_rate takes the place of a scheduler
    "rate_that_grows": "no_remedy",
    "few_passes": "remedy",
    "batches_of_two": "remedy",
    "batches_of_all": "remedy",
    # networks
    "activation_left_out": "remedy",
    "function_left_out": "remedy",
    "sigmoid_within": "remedy",
    "hard_threshold_within": "no_remedy",
    "softmax_within": "no_remedy",  # hidden_activation is dosed for sigmoid and tanh
    "all_zero": "remedy",
    "all_alike": "remedy",
    "large_weights": "remedy",
    "small_weights": "remedy",
    "negative_weights": "remedy",
    "biases_of_minus_ten": "remedy",
    "without_bias": "no_remedy",
    "much_dropout": "remedy",
    "not_normalised_within": "remedy",
    "sigmoid_at_the_end": "remedy",
    "tanh_at_the_end": "remedy",
    "rectified_at_the_end": "remedy",
    "softmax_at_the_end": "remedy",
    "constant_at_the_end": "no_remedy",
    "path_left_out": "no_remedy",
    # shapes
    "over_the_batch": "remedy",  # of a softmax, as the next one
    "over_the_second": "remedy",
    "over_the_last": "no_remedy",  # a softmax is mostly there already: it is sums and means that are moved
    "target_is_the_input": "no_remedy",
    "input_is_the_target": "no_remedy",
    "mask_turned": "no_remedy",  # causal_mask leaves a mask that is given as it is
    "mask_turned_back": "no_remedy",
    "mask_moved": "no_remedy",
    "mask_moved_on": "no_remedy",
    "mask_of_nothing": "no_remedy",  # causal_mask is for scaled_dot_product_attention alone
    "mask_inverted": "no_remedy",
    "read_in_order": "remedy",
    "not_transposed": "no_remedy",  # transpose takes the place of a view or a reshape
    "batch_for_time": "remedy",
    "not_flattened": "remedy",
    # modes
    "trained_in_evaluation_mode": "remedy",
    "not_switched_back": "remedy",
    "evaluated_in_training_mode": "no_remedy",
    "evaluation_mode_from_the_start": "remedy",
    "in_order": "remedy",
    "begun_anew": "no_remedy",
    "rounded_weights": "no_remedy",
    "weights_pulled_back": "no_remedy",
    "memory_cleared": "no_remedy",
}
