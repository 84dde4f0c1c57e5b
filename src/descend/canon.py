"""The recap table of the optimization lecture as data: Problem | Diagnostics | Workarounds | Source.

A row names a symptom, a remedy that the texts give for it, how much of it to apply (`doses`), and why it should work.
`decides` marks the remedy whose rerun settles a suspicion: unscaled inputs are the cause only if standardising them
does at least as well as what else was tried.
"""

from collections.abc import Callable
from dataclasses import dataclass

from descend.doses import (
    SAFE_SHARE,
    SHARPENING,
    Dose,
    adam,
    all_parameters,
    along_the_classes,
    another_activation,
    another_loss,
    another_start,
    batch_norm,
    calmer_rate,
    default_rate,
    far_default_rate,
    first_steps,
    following_activation,
    gentle_rate,
    half_rate,
    idle_dropout,
    idle_normalisation,
    largest_rate,
    least_decay,
    least_dropout,
    longer,
    longer_rate,
    lower_momentum,
    momentum,
    no_step_at_all,
    nothing_to_dose,
    of_the_difference,
    output_activation,
    rare_norm,
    rate_for_standardised,
    rectifier,
    replaced_parameters,
    robust_loss,
    safe_rate,
    sequence_length,
    short_run_rate,
    smallest_rate,
    tenth_rate,
    until_least,
    usual_norm,
    whole_run,
    wiped_gradients,
    wrong_function,
)
from descend.record import Record
from descend.remedies import JudgedOn
from descend.symptoms import Symptom


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    symptom: str
    remedy: str
    dose: Callable[[Record, Symptom], Dose | None]  # None: not this time
    label: str  # filled in from the dose
    why: str
    source: str
    decides: bool = True
    cost: int = 2  # 1 rewrites a number, 2 adds or drops a statement, 3 changes the rule
    times: int = 1  # how many times the steps that the change asks for
    judged_on: JudgedOn = "fixed"
    restart: bool = False  # whether it is another start: on every seed it has to do better than the script as it ran


RAVINE = "centred inputs of unit variance make the cost's curvature alike in all directions"
SHORTER = "below 2/λmax gradient descent no longer diverges along the steepest direction"
RESCALED = "rescales each coordinate by its own gradient's size"
VARIANCE = "keeps the scale of activations and gradients from layer to layer"
ORTHOGONAL = "recurrent layers that remember {length} steps from the start"
CLIP, KEEPS = (
    "clip the gradient's norm at {max_norm:.3g}",
    "a step across a cliff keeps its direction and loses its length",
)
NORMALISED, FIXED = (
    "batch normalisation behind the hidden layers",
    "each layer's inputs keep their mean and variance, whatever the layers before it do",
)
WARMUP = "warm the rate up over the first {steps} steps"
FEW_STEPS = "the step of Adam is about the rate itself, and so few steps have to get there"
TO = "learning rate {old:.3g} → {lr:.3g}"
RECAP, CURVATURE = "Ba, CSC413 lecture 4, Recap", "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization"
ADAM, INIT = "Ba, CSC413 lecture 4, RMSprop and Adam", "He et al. 2015, eq. 10; Glorot & Bengio 2010, eq. 16"
STARTS = 4  # random ones: where half of them end well, one in sixteen times none does
WIRED = "torch's own documentation"
CANON = (
    # wiring
    Row("no_step", "call_step", no_step_at_all, "call optimizer.step() after the backward pass",
        "only the step moves the parameters", WIRED),
    Row("no_step", "clear_later", wiped_gradients, "clear the gradients after the step, not before it",
        "the step then finds the gradients that backward() has left", "torch.optim.Optimizer.zero_grad"),
    Row("parameters_not_in_optimizer", "register_layers", nothing_to_dose,
        "register the layers (ModuleList, ModuleDict)",
        "a module's parameters() gives what is registered with it", WIRED),
    Row("parameters_not_in_optimizer", "hold_parameters", all_parameters, "give the optimizer the network's parameters",
        "it moves what it holds", WIRED),
    Row("parameters_not_in_optimizer", "hold_parameters", replaced_parameters,
        "give the optimizer the network's new parameters", "it moves what it holds", WIRED, judged_on="training"),
    Row("frozen_or_detached", "attach", nothing_to_dose, "do not detach", "the gradient passes where the graph does",
        WIRED),
    Row("frozen_or_detached", "keep_graph", nothing_to_dose, "the loss itself, not a new tensor of its number",
        "the gradient passes where the graph does", WIRED, judged_on="training"),
    Row("frozen_or_detached", "unfreeze", nothing_to_dose, "do not freeze", "a random projection learns nothing",
        WIRED),
    Row("negated_loss", "turn_loss", nothing_to_dose, "turn the loss's sign",
        "descent makes the loss small, so it must be a cost",
        RECAP),
    Row("no_zero_grad", "zero_grad", nothing_to_dose, "clear the gradients after each step",
        "each step then follows the present gradient alone", "torch.optim.Optimizer.zero_grad"),
    Row("broadcasting", "match_shapes", of_the_difference, "give the targets the predictions' shape",
        "each prediction is then compared with its own target", "torch broadcasting semantics"),
    Row("output_loss_mismatch", "feed_logits", output_activation, "no {activation} in front of the loss",
        "the loss applies its own: it is convex in the logits and its gradient there is p − t",
        "Ba, CSC413 lecture 4, Convex functions"),
    Row("output_loss_mismatch", "output_activation", another_activation, "{activation} in front of the loss",
        "the loss is defined for what that gives", "Ba, CSC413 lecture 4, Convex functions"),
    Row("output_loss_mismatch", "output_activation", along_the_classes, "{activation} along the classes, dim={dim}",
        "the classes of one example then compete, and not the examples of a batch",
        "Ba, CSC413 lecture 4, Convex functions"),
    Row("output_loss_mismatch", "matching_loss", another_loss, "{loss} instead of the loss",
        "it takes what the network gives, and normalises it by itself", "Ba, CSC413 lecture 4, Convex functions"),
    Row("eval_mode", "train_mode", idle_normalisation, "train mode while training",
        "dropout and normalisation do their work in training mode alone", "torch.nn.Module.train"),
    Row("eval_mode", "train_mode", idle_dropout, "train mode while training: dropout at work",
        "units that cannot rely on each other memorise less", "Srivastava et al. 2014", judged_on="held_out"),
    Row("incorrect_gradients", "use_autograd", wrong_function, "let autograd differentiate the forward of {function}",
        "the derivative is then that of what is computed", "Ba, CSC413 lecture 4, Gradient checking"),
    Row("bad_data", "standardise_inputs", nothing_to_dose, "standardise inputs, missing values at the mean",
        "a value that is missing then says nothing, instead of everything", "Little & Rubin 2002, §4.2"),
    # statics
    Row("symmetric_units", "reinitialise", following_activation, "random initialisation ({activation} gain)",
        "perturbed units can move apart", "Ba, CSC413 lecture 4, Saddle points"),
    Row("saturated_units", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        VARIANCE,
        INIT),
    Row("saturated_units", "hidden_activation+reinitialise", rectifier,
        "ReLU and its initialisation in the hidden layers",
        "half of a rectifier's range has slope 1", "Ba, CSC413 lecture 4, Plateaux", decides=False, cost=3),
    Row("bad_initialisation", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        VARIANCE, INIT),
    Row("sum_reduction", "mean_reduction", nothing_to_dose, "mean instead of sum over the examples",
        "the step then does not depend on the batch's size", "Goyal et al. 2017, §3", cost=1),
    Row("sum_reduction", "learning_rate", gentle_rate, TO, SHORTER, RECAP, decides=False, cost=1),
    Row("targets_not_scaled", "standardise_targets", nothing_to_dose, "standardise targets",
        "the output layer need not grow to their size, and the errors' gradients are of the size of one",
        "LeCun et al. 1998, §4.5"),
    Row("targets_not_scaled", "standardise_inputs+standardise_targets", nothing_to_dose,
        "standardise inputs and targets",
        RAVINE, "LeCun et al. 1998, §4.3 and §4.5", cost=4),
    Row("targets_not_scaled", "standardise_inputs+standardise_targets+learning_rate", far_default_rate,
        f"standardise inputs and targets, {TO}", RAVINE, "LeCun et al. 1998, §4.3 and §4.5", cost=5),
    Row("targets_not_scaled", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, decides=False, cost=3),
    Row("inputs_not_normalised", "standardise_inputs", nothing_to_dose, "standardise inputs", RAVINE, CURVATURE),
    Row("inputs_not_normalised", "standardise_inputs+learning_rate", rate_for_standardised(SAFE_SHARE),
        f"standardise inputs, {TO}", RAVINE, CURVATURE, cost=3),
    Row("inputs_not_normalised", "standardise_inputs+learning_rate", rate_for_standardised(SHARPENING),
        f"standardise inputs, {TO}", RAVINE, CURVATURE, cost=3),
    Row("inputs_not_normalised", "learning_rate", gentle_rate, TO, SHORTER, RECAP, decides=False, cost=1),
    Row("inputs_not_normalised", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, decides=False, cost=3),
    Row("unshuffled_data", "shuffle", nothing_to_dose, "shuffle the examples", "each batch then resembles the whole",
        "LeCun et al. 1998, §4.2", cost=1, judged_on="spread"),
    Row("over_regularised", "optimizer_argument", least_decay, "weight decay {old:g} → {value:g}",
        "the data decide again, and not the penalty", "Goodfellow et al. 2016, §7.1", cost=1),
    Row("over_regularised", "dropout_rate", least_dropout, "dropout {old:g} → {p:g}",
        "the units that are left can carry the signal", "Srivastava et al. 2014, §7.3", cost=1),
    Row("outliers", "matching_loss", robust_loss, "Huber loss instead of the squared error",
        "an error beyond its threshold pulls no harder than one at it", "Huber 1964", judged_on="median"),
    # dynamics
    Row("schedule", "step_per_epoch", nothing_to_dose, "step the scheduler once an epoch",
        "its numbers count epochs", "torch.optim.lr_scheduler"),
    Row("schedule", "constant_rate", nothing_to_dose, "no schedule", "the steps keep their length",
        "Ba, CSC413 lecture 4, Learning rate decay"),
    Row("clipping_too_hard", "clip_threshold", usual_norm, "clip at {max_norm:.3g}, the usual norm",
        "only the rare large gradient is then cut", "Pascanu et al. 2013, §3.2", cost=1),
    Row("momentum_mismatch", "learning_rate", calmer_rate, TO,
        "the terminal velocity α/(1−μ) is then what it was at μ = 0.9", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("momentum_mismatch", "optimizer_argument", lower_momentum, "momentum {old:g} → {value:g}",
        "the terminal velocity is α/(1−μ)", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("layer_rate_mismatch", "one_rate", largest_rate, "one learning rate for all groups: {lr:.3g}",
        "no layer is then left behind", "You et al. 2017, §3"),
    Row("layer_rate_mismatch", "one_rate", smallest_rate, "one learning rate for all groups: {lr:.3g}",
        "no layer then runs ahead of what the others can follow", "You et al. 2017, §3"),
    Row("exploding_gradients", "clip_gradients", usual_norm, CLIP, KEEPS, "Pascanu et al. 2013, §3.2"),
    Row("exploding_gradients", "initialise_recurrent", sequence_length, ORTHOGONAL,
        "orthogonal weights neither shrink nor grow what passes through time", "Saxe et al. 2014"),
    Row("exploding_gradients", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        VARIANCE, INIT),
    Row("exploding_gradients", "learning_rate", gentle_rate, TO, SHORTER, RECAP, decides=False, cost=1),
    Row("instability", "learning_rate", gentle_rate, TO, SHORTER, "Ba, CSC413 lecture 4, Recap: instability", cost=1),
    Row("instability", "learning_rate", safe_rate, TO, SHORTER, "Ba, CSC413 lecture 4, Recap: instability", cost=1),
    Row("instability", "learning_rate", default_rate, TO,
        "the step of Adam is about the rate itself, whatever the gradient's size", "Kingma & Ba 2015, §2.1", cost=1),
    Row("instability", "learning_rate", short_run_rate, TO,
        FEW_STEPS, "Kingma & Ba 2015, §2.1", cost=1),
    Row("instability", "linear_schedule", first_steps, WARMUP,
        "the curvature is largest at the start, and the rate meets it later",
        "Gilmer et al. 2022; Goyal et al. 2017, §2.2", decides=False),
    Row("instability", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("vanishing_gradients", "initialise_recurrent", sequence_length,
        ORTHOGONAL,
        "orthogonal weights and open gates neither shrink nor grow what passes through time",
        "Saxe et al. 2014; Tallec & Ollivier 2018"),
    Row("vanishing_gradients", "hidden_activation+reinitialise", rectifier,
        "ReLU and its initialisation in the hidden layers",
        "a rectifier's slope is 1 where it is active: depth does not shrink the "
        "gradient", "Glorot et al. 2011, §3", cost=3),
    Row("vanishing_gradients", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        VARIANCE, INIT),
    Row("vanishing_gradients", "insert_normalisation", batch_norm, NORMALISED, FIXED, "Ioffe & Szegedy 2015, §3.3",
        cost=3),
    Row("vanishing_gradients", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("dead_units", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        "keeps the scale of activations from layer to layer, so that half of the units start active", INIT),
    Row("dead_units", "learning_rate", safe_rate, TO,
        "a shorter step does not throw units out of the data's range", RECAP, cost=1),
    Row("slow_progress", "learning_rate", longer_rate, TO,
        "half of the stability bound is fastest along the steepest direction",
        "Ba, CSC413 lecture 4, Recap: slow progress", cost=1),
    Row("slow_progress", "learning_rate", short_run_rate, TO,
        FEW_STEPS, "Kingma & Ba 2015, §2.1", cost=1),
    Row("slow_progress", "optimizer_argument", momentum, "momentum {value:g}",
        "steps that agree add up to 1/(1−μ) times the length", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("slow_progress", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("warm_start", "learning_rate", gentle_rate, TO, "short steps keep what the weights know already",
        "Howard & Ruder 2018, §3.2", cost=1, judged_on="last_stage"),
    Row("warm_start", "linear_schedule", first_steps, WARMUP,
        "a rule's averages are of the new data before the steps are long", "Howard & Ruder 2018, §3.2",
        decides=False, judged_on="last_stage"),
    Row("cliff", "clip_gradients", usual_norm, CLIP, KEEPS, "Pascanu et al. 2013, §3.2"),
    Row("cliff", "clip_gradients", rare_norm, CLIP, KEEPS, "Pascanu et al. 2013, §3.2"),
    Row("cliff", "learning_rate", gentle_rate, TO, SHORTER, RECAP, decides=False, cost=1),
    Row("oscillation", "learning_rate", half_rate, TO, "the error along λmax then shrinks instead of changing sides",
        RECAP,
        cost=1),
    Row("plateau", "optimizer_argument", momentum, "momentum {value:g}",
        "small steps that agree add up", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("plateau", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("plateau", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)", VARIANCE,
        INIT),
    Row("saddle_point", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        "away from the saddle the gradient is not small", "Ba, CSC413 lecture 4, Saddle points"),
    Row("saddle_point", "optimizer_argument", momentum, "momentum {value:g}",
        "small steps that agree add up along the way out", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("saddle_point", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("ill_conditioned_curvature", "optimizer_argument", momentum, "momentum {value:g}",
        "along the ravine the steps add up", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("ill_conditioned_curvature", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("covariate_shift", "learning_rate", gentle_rate, TO, "the layers then follow each other",
        "Ioffe & Szegedy 2015, §1",
        cost=1),
    Row("covariate_shift", "insert_normalisation", batch_norm, NORMALISED, FIXED, "Ioffe & Szegedy 2015, §1", cost=3),
    Row("covariate_shift", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("fluctuations", "linear_schedule", whole_run, "bring the rate down to 0 over the run",
        "the noise floor is proportional to the rate", "Bottou et al. 2018, §4"),
    Row("fluctuations", "learning_rate", tenth_rate, TO, "the noise floor is proportional to the rate",
        "Bottou et al. 2018, §4", decides=False, cost=1),
    *(Row("local_optima", "reinitialise", another_start(draw), "another start ({activation} gain), draw {draw}",
          "another basin", "Ba, CSC413 lecture 4, Recap: local optima", restart=True) for draw in range(1, STARTS + 1)),
    Row("correlated_inputs", "whiten_inputs", nothing_to_dose, "whiten inputs",
        "all directions of the inputs then have the same curvature", "LeCun et al. 1998, §4.3", cost=3),
    Row("correlated_inputs", "optimizer_argument", momentum, "momentum {value:g}",
        "along the ravine the steps add up", "Ba, CSC413 lecture 4, Momentum", cost=1),
    Row("correlated_inputs", "adaptive_rule", adam, "Adam, lr {lr:g}", RESCALED, ADAM, cost=3),
    Row("overfitting", "training_length", until_least, "stop after {steps} of {of} steps",
        "the held-out loss is least before the network has learnt its examples by heart",
        "Prechelt 1998, Early stopping – but when?", cost=1, judged_on="held_out"),
    Row("stopped_too_early", "training_length", longer, "{times} times as many passes", "it is still learning",
        "Ba, CSC413 lecture 4, Training curves", cost=1, times=4),
)  # fmt: skip
