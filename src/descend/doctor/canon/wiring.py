"""What keeps a network from learning at all, whatever the numbers are."""

from descend.doctor.canon.entry import Entry, Row, at_places
from descend.doctor.canon.phrases import CALLS, INPUTS, MISSING, OUTPUT, SAME, SET, STATEMENTS, TURNED, WITHOUT
from descend.doctor.doses import (
    all_parameters,
    along_the_classes,
    along_the_entries,
    alteration,
    another_activation,
    another_loss,
    cut_graph,
    cut_up,
    derivative_in_loss,
    downhill,
    example_axes,
    exchange,
    handed_on,
    idle_dropout,
    idle_normalisation,
    kept_layers,
    layers_made_anew,
    loaders_apart,
    lone_layer,
    network_made_again,
    never_computed,
    no_step_at_all,
    nothing_to_dose,
    of_the_difference,
    other_names,
    output_activation,
    replaced_parameters,
    several_labels,
    small_amount,
    time_first,
    usual_share,
    wiped_gradients,
    within_the_example,
    wrong_function,
)
from descend.doctor.record import facts

ANGLE = "Nocedal & Wright 2006, §2.2"
UNSEEN = "an element is then predicted from those before it alone", "Vaswani et al. 2017, §3.2.3"
TOLD = "right answers then score otherwise than wrong ones", "Gneiting & Raftery 2007, §2"

WIRING: tuple[Entry, ...] = (
    Entry("bad_data", "wiring", "the data are damaged", (
        Row("standardise_data", nothing_to_dose, "standardise inputs where they are made, missing values at the mean",
            MISSING, "Little & Rubin 2002, §4.2", cost=1),
        Row("standardise_inputs", nothing_to_dose, "standardise inputs, missing values at the mean",
            MISSING, "Little & Rubin 2002, §4.2"),
    ), frozenset({"inputs_not_normalised", "outliers", "output_loss_mismatch", "sum_reduction", "targets_not_scaled"})),
    Entry("no_batch", "wiring", "the training loop draws no batch", (), advice=(
        "Print the length of the dataset and of what the loop iterates over. With drop_last=True the batch size must "
        "not exceed the number of examples."
    )),
    Entry("no_step", "wiring", "the optimizer never changes the weights", (
        Row("call_step", no_step_at_all, "call optimizer.step() after the backward pass",
            "only the step moves the parameters", "torch.optim.Optimizer.step"),
        Row("call_backward", never_computed, "call {loss}.backward() before the step",
            "only that fills the gradients which the step takes", "torch.Tensor.backward", judged_on="training"),
        Row("step_later", wiped_gradients, "step after the backward pass, not before it",
            "the step then takes the gradients that were made for it", "torch.optim.Optimizer.step", cost=1),
        Row("clear_later", wiped_gradients, "clear the gradients after the step, not before it",
            "the step then finds the gradients that backward() has left", "torch.optim.Optimizer.zero_grad"),
    ), frozenset({"frozen_or_detached", "inputs_not_normalised", "no_zero_grad", "schedule", "targets_not_scaled"})),
    Entry("parameters_not_in_optimizer", "wiring", "parameters are missing from the optimizer", (
        Row("make_layers_once", layers_made_anew, "make the layers once, in __init__",
            "what is learnt stays, and the optimizer holds it", "torch.nn.Module.parameters", judged_on="training"),
        Row("register_layers", kept_layers,
            "register the layers (ModuleList, ModuleDict)",
            "a module's parameters() gives what is registered with it", "torch.nn.Module.parameters"),
        Row("hold_parameters", all_parameters, "give the optimizer the network's parameters",
            "it moves what it holds", "torch.optim.Optimizer"),
        Row("attach", nothing_to_dose, "the network itself, not a copy made anew",
            "the loss is then made of what the optimizer holds", "torch.nn.Module.parameters", judged_on="training"),
        Row("hold_parameters", replaced_parameters,
            "give the optimizer the network's new parameters", "it moves what it holds", "torch.optim.Optimizer",
            judged_on="training"),
        Row("leave_out", network_made_again, "without line {line}",
            "what the optimizer was given is then the network that is trained", "torch.optim.Optimizer",
            judged_on="training"),
    ), frozenset({"frozen_or_detached", "inputs_not_normalised"})),
    Entry("weights_not_loaded", "wiring", "the weights were not loaded", (
        Row("rename_weights", other_names, "the checkpoint's names made the module's",
            "what was learnt before is then there", "torch.nn.Module.load_state_dict"),
    ), frozenset({"frozen_or_detached", "inputs_not_normalised"})),
    Entry("frozen_or_detached", "wiring", "part of the model is frozen or detached", (
        Row("attach", cut_graph, "do not detach", "the gradient passes where the graph does",
            "torch.Tensor.detach", leaves_loss=True),
        Row("create_graph", derivative_in_loss, "create_graph=True where the derivative is taken",
            "a derivative with its graph can be differentiated again", "torch.autograd.grad", judged_on="training"),
        Row("unfreeze", cut_graph, "do not freeze",
            "what stays frozen at random values learns nothing", "torch.Tensor.requires_grad_", leaves_loss=True),
    ), frozenset({"inputs_not_normalised"})),
    Entry("incorrect_gradients", "wiring", "gradients are incorrect", (
        Row("use_autograd", wrong_function, "let autograd differentiate the forward of {function}",
            "the derivative is then that of what is computed", "Ba, CSC413 lecture 4, Recap: incorrect gradients"),
    ), frozenset({"inputs_not_normalised"}), advice=(
        "Let autograd differentiate the forward, or correct the backward until `descend gradcheck` calls it right."
    )),
    Entry("wrong_step", "wiring", "the update does not follow the loss's gradient", (
        *(
            Row("leave_out", alteration(number), "without line {line}",
                "a step along the loss's own gradient lowers the loss", ANGLE)
            for number in range(STATEMENTS)
        ),
    ), frozenset({"negated_loss"})),
    Entry("negated_loss", "wiring", "the loss has the wrong sign", (
        Row("optimizer_argument", downhill, "maximize=False",
            "descent makes the loss small, so it must be a cost", "Bottou et al. 2018, §4", cost=1),
        Row("turn_loss", nothing_to_dose, "turn the loss's sign",
            "descent makes the loss small, so it must be a cost", "Bottou et al. 2018, §4"),
    ), frozenset({"inputs_not_normalised", "output_loss_mismatch"})),
    Entry("no_zero_grad", "wiring", "gradients are never zeroed", (
        Row("zero_grad", nothing_to_dose, "clear the gradients after each step",
            "each step then follows the present gradient alone", "torch.optim.Optimizer.zero_grad"),
    )),
    Entry("labels_wrong", "wiring", "labels are wrong", (
        Row("matching_loss", several_labels, "{loss} instead of the loss",
            "an example may then have several labels, each told by itself", OUTPUT),
    ), frozenset({"output_loss_mismatch"}), advice=(
        "Look at a few labels beside their examples, and at the line that makes them."
    )),
    Entry("broadcasting", "wiring", "predictions and targets are broadcast against each other", (
        Row("match_shapes", of_the_difference, "give the targets the predictions' shape",
            "each prediction is then compared with its own target", "torch.broadcast_tensors"),
    ), frozenset({"inputs_not_normalised", "output_loss_mismatch", "targets_not_scaled"})),
    Entry("output_loss_mismatch", "wiring", "the output layer and the loss disagree", (
        Row("feed_logits", output_activation, "no {activation} in front of the loss",
            "the loss applies its own, and is convex in what the network gives without one",
            "Ba, CSC413 lecture 4, Convex Functions"),
        Row("output_activation", another_activation, "{activation} in front of the loss",
            "the loss is defined for what that gives", OUTPUT),
        Row("softmax_dimension", along_the_classes, "{activation} along the classes, dim={dim}",
            "the classes of one example then compete, and not the examples of a batch",
            OUTPUT),
        Row("matching_loss", another_loss, "{loss} instead of the loss",
            "it takes what the network gives, and normalises it by itself", OUTPUT),
    ), frozenset({"dead_units", "slow_progress", "plateau"})),
    Entry("degenerate_normalisation", "wiring", "a normalisation over a single entry removes all information", (
        Row("softmax_dimension", along_the_entries, "{activation} along dim={dim}",
            "several entries then compete with each other", "Vaswani et al. 2017, eq. 1"),
        Row("remove_normalisation", lone_layer, "no {function} over a single entry",
            "what it was given then passes through", "Ba et al. 2016, eq. 4"),
    ), frozenset({"inputs_not_normalised", "no_signal"})),
    Entry("dimensions_exchanged", "wiring", "a reshape is used where a transpose is needed", (
        Row("transpose", exchange, "{call} in place of the new shape",
            "each value then lands in its own place", "torch.Tensor.view"),
    ), frozenset({"examples_mixed", "no_signal"})),
    Entry("target_leak", "wiring", "the network sees its own target", (
        Row("causal_mask", nothing_to_dose, "is_causal=True in the attention",
            "an element is then predicted from those before it alone", "Vaswani et al. 2017, §3.2.3",
            cost=1, judged_on="nothing"),
        *at_places("turn_mask", (facts.OnInputs, "invert", CALLS), TURNED, UNSEEN, cost=1),
    ), flatters=True, advice=(
        "Hide what comes later: a causal mask for attention (`is_causal=True`, with the mask of "
        "`torch.nn.Transformer.generate_square_subsequent_mask`), a recurrent layer that reads one way "
        "(`bidirectional=False`). The training loss will rise: it is then that of a prediction."
    )),
    Entry("zero_input", "wiring", "a layer receives only zeros", (
    ), frozenset({"inputs_not_normalised"}), advice=(
        "Give the layer what it is to read. A decoder that is trained reads the targets, shifted by one (`y[:, "
        ":-1]` to predict `y[:, 1:]`), under a causal mask."
    )),
    Entry("infinite_gradient", "wiring", "a gradient is infinite", (
        Row("away_from_zero", small_amount, "{eps:.0e} more in each root and logarithm",
            "its derivative is then finite, and one unlucky example no longer decides", "IEEE 754: 0 · ∞ is NaN"),
    )),
    Entry("eval_mode", "wiring", "the model trains in evaluation mode", (
        Row("train_mode", idle_normalisation, "train mode while training",
            "dropout and normalisation do their work in training mode alone", "torch.nn.Module.train"),
        Row("train_mode", idle_dropout, "train mode while training: dropout at work",
            "units that cannot rely on each other memorise less", "Srivastava et al. 2014", judged_on="held_out"),
    ), frozenset({"bad_initialisation", "exploding_gradients", "instability", "slow_progress", "overfitting"}),
        flatters=True),
    Entry("lagging_statistics", "wiring", "the running statistics lag behind", (
        Row("buffers_too", handed_on, "the copy gets the buffers, too",
            "it then normalises as the network does that it follows", "Ioffe & Szegedy 2015, alg. 2", cost=1,
            judged_on="metric"),
        Row("statistics_momentum", usual_share, "momentum {momentum:g} of the running statistics",
            "evaluation then computes with what training has seen", "Ioffe & Szegedy 2015, alg. 2", cost=1),
    )),
    Entry("evaluated_in_training_mode", "wiring", "the network is evaluated in training mode", (
        Row("evaluation_mode", nothing_to_dose, "evaluation mode while evaluating",
            "what is measured is then what the network does in use", "torch.nn.Module.eval", judged_on="metric"),
    ), frozenset({"overfitting"}), flatters=True),
    Entry("evaluated_on_other_inputs", "wiring", "evaluation preprocesses its inputs differently from training", (
        Row("evaluate_as_trained", nothing_to_dose, "in evaluation the data as in training",
            *SAME, cost=1, judged_on="metric"),
        *at_places("skip_call", (facts.OnEvaluated, "skip", INPUTS), WITHOUT, SAME),
        *at_places("skip_call", (facts.OnInputs, "skip", INPUTS), WITHOUT, SAME),
    ), frozenset({"overfitting"}), flatters=True),
    Entry("wrong_metric", "wiring", "the logged metric cannot tell right predictions from wrong ones", (
        *at_places("call_argument", (facts.OnMeasured, "set", 1), SET, TOLD, cost=1),
        *at_places("skip_call", (facts.OnMeasured, "skip", 1), WITHOUT, TOLD),
    ), frozenset({"overfitting", "unreadable", "wrong_objective", "optimisation"}), flatters=True),
    Entry("examples_mixed", "wiring", "the output for one example depends on the others in its batch", (
        Row("batch_first", time_first, "batch_first={batch_first}",
            "each example is then a sequence of its own", "torch.nn.LSTM"),
        Row("transpose", cut_up, "{call} in place of the new shape",
            "each example is then a sequence of its own", "torch.Tensor.view"),
        Row("softmax_dimension", within_the_example, "{activation} along dim={dim}",
            "the entries of one example then compete with each other", "Vaswani et al. 2017, eq. 1"),
    ), frozenset({"no_signal", "unshuffled_data"}), flatters=True),
    Entry("unpaired_targets", "wiring", "inputs are paired with the wrong targets", (
        Row("keep_order", loaders_apart, "no shuffling in either loader",
            "each example then meets its own target; one loader of pairs may shuffle", "torch.utils.data.DataLoader",
            cost=1, judged_on="spread"),
        *(
            Row("call_argument", example_axes(number), SET, "each example then stays with its own target",
                "torch.roll, torch.flip: dims", cost=1)
            for number in range(CALLS)
        ),
    ), frozenset({"inputs_not_normalised", "no_signal", "targets_not_scaled"})),
)  # fmt: skip
