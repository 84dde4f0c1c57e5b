"""How much of every other change: which activation, how much decay, how many passes."""

from collections.abc import Callable
from math import log2
from statistics import median

from descend.doctor.course.progress import constant_cost, yardstick_place
from descend.doctor.doses.rate import Dose, short_run_rate
from descend.doctor.doses.rounded import one_digit
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.batch_size import USUAL, examples_in_batch, noise_scale
from descend.doctor.symptoms.degenerate_normalisation import lone_output
from descend.doctor.symptoms.mixed_reductions import outweighs
from descend.doctor.symptoms.output_loss_mismatch import ONE_SIDED, several_at_once
from descend.ground.bound import Bound, Count
from descend.ground.quantile import quantile

DROPOUT = Bound(0.2, "dropout rate", "chosen: well below the half that is usual at most")
LIGHT = Bound(0.01, "of the rest of the loss", "chosen: a penalty of a hundredth hardly holds the data loss up")
RARE = Bound(0.9, "quantile of the gradients' norms", "chosen: one gradient in ten is clipped, those at the cliff")
LEAST_BATCH = Count(8, "examples in a batch", "of fewer a mean and a variance say little: Wu & He 2018, fig. 1")
TIMES = (4, 10, 20, 50, 100, 200)  # as many passes: the most of these, but at least the first,
FEW = Count(100, "steps", "chosen: in fewer neither more passes nor a larger rate alone gets an adaptive rule far")
ENOUGH = Count(1000, "steps", "chosen: a run of a usual length")
AFFORDABLE_S = Bound(10.0, "seconds", "chosen: for so long a user may wait for a longer run")
SMALL = Bound(1e-8, "under a root or a logarithm", "chosen: the root's derivative there is 5000, large and finite")
LITTLE = Count(16, "examples in a batch", "chosen: the mean of so few gradients scatters much")
LARGER = Count(8, "times the batch", "chosen: the mean's standard deviation is nearly a third of what it was")
LEAST_STEPS = Count(50, "steps that are left", "chosen: with fewer a larger batch would leave no training")


def nothing_to_dose(record: Record, symptom: Symptom) -> Dose | None:
    """The remedy has no amount."""
    return {"optimizer": symptom.optimizer}


def output_activation(record: Record, symptom: Symptom) -> Dose | None:
    """The activation in front of a loss that brings its own."""
    given = record.fact(facts.LossInput)
    if given is None or given.activation is None:
        return None
    removable = given.task == "real" or given.function in ("cross_entropy", "binary_cross_entropy_with_logits")
    removable = removable or given.inner_activation == given.activation == "sigmoid"
    return {"activation": given.activation} if removable else None


def following_activation(record: Record, symptom: Symptom) -> Dose | None:
    """The activation that the network mostly uses; its gain sets the weights' variance."""
    names = [used.function for used in record.every(facts.Activation).values()]
    return {"activation": max(dict.fromkeys(names), key=names.count) if names else "linear"}


def another_start(draw: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of a random restart: which draw."""

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        return {"draw": draw, "optimizer": symptom.optimizer}

    return dose


def another_activation(record: Record, symptom: Symptom) -> Dose | None:
    """What the loss is defined for: log-probabilities, or the sigmoid of each unit."""
    given = record.fact(facts.LossInput)
    if given is None:
        return None
    if (given.function, given.activation) == ("nll_loss", "softmax"):
        return {"activation": "log_softmax"}
    shared = given.activation == "softmax" and several_at_once(record) is not None
    unfit = shared or lone_output(record) is not None or given.activation in ONE_SIDED
    if given.function == "binary_cross_entropy" and unfit:
        return {"activation": "sigmoid"}
    return None


def no_step_at_all(record: Record, symptom: Symptom) -> Dose | None:
    """Which optimizer never steps."""
    return None if record.steps else {"optimizer": symptom.optimizer}


def wiped_gradients(record: Record, symptom: Symptom) -> Dose | None:
    """Which optimizer's steps find no gradients any more."""
    is_wiped = any(wiring.fact.gradients_wiped for wiring in record.history(facts.Wiring, symptom.optimizer))
    return {"optimizer": symptom.optimizer} if is_wiped else None


def never_computed(record: Record, symptom: Symptom) -> Dose | None:
    """The loss that never goes backward, and the optimizer whose steps it should feed."""
    idle = record.fact(facts.IdleLoss, symptom.optimizer)
    return {"loss": idle.variable, "optimizer": symptom.optimizer} if idle else None


def wrong_function(record: Record, symptom: Symptom) -> Dose | None:
    """The Function of which the backward pass is wrong."""
    return {"function": symptom.module}


def another_loss(record: Record, symptom: Symptom) -> Dose | None:
    """Cross-entropy for scores that were given to the negative log-likelihood as they are."""
    given = record.fact(facts.LossInput)
    if given is None or given.function != "nll_loss" or given.activation in ("softmax", "log_softmax"):
        return None
    return {"loss": "cross_entropy"}


def several_labels(record: Record, symptom: Symptom) -> Dose | None:
    """A loss for each label by itself, where an example has several, each 0 or 1."""
    targets = record.fact(facts.Targets)
    if targets is None or targets.own_entropy != 0 or (targets.min, targets.max) != (0, 1):
        return None
    return {"loss": "binary_cross_entropy_with_logits"} if targets.row_sum_max > 1 else None


def robust_loss(record: Record, symptom: Symptom) -> Dose | None:
    """Huber's, which is the squared error within one unit of the targets."""
    return {"loss": "huber_loss"}


def all_parameters(record: Record, symptom: Symptom) -> Dose | None:
    """The network that is called, whose parameters the optimizer is to hold; whether it has several groups."""
    if record.fact(facts.Lost, "0") or kept_layers(record, symptom) is None:
        return None
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    return {**_network(record, symptom), "grouped": optimizer is not None and optimizer.groups > 1}


def derivative_in_loss(record: Record, symptom: Symptom) -> Dose | None:
    """A term of the loss is made of derivatives."""
    return nothing_to_dose(record, symptom) if record.fact(facts.ConstantTerm) else None


def cut_graph(record: Record, symptom: Symptom) -> Dose | None:
    """The graph is cut, or the parameters are frozen; no term of the loss is without a graph from the start."""
    return None if record.fact(facts.ConstantTerm) else nothing_to_dose(record, symptom)


def small_amount(record: Record, symptom: Symptom) -> Dose | None:
    """What keeps a root or a logarithm off zero."""
    return {"eps": SMALL}


def summed(record: Record, symptom: Symptom) -> Dose | None:
    """The loss's reduction that goes with a term summed over the batch."""
    term = record.fact(facts.MixedReductions)
    return {"reduction": "sum"} if term is not None and term.over_batch else None


def averaged_alike(record: Record, symptom: Symptom) -> Dose | None:
    """How many more values of an example the loss is averaged over than the other term is; or is summed of."""
    term = record.fact(facts.MixedReductions)
    return {"divisor": outweighs(term)} if term is not None and not term.over_batch else None


def by_likelihood(record: Record, symptom: Symptom) -> Dose | None:
    """The same, with the averaged squared error as a Gaussian's log-likelihood: times 2σ², the targets' variance."""
    dose, variance = averaged_alike(record, symptom), constant_cost(record)
    if dose is None or not variance or yardstick_place(record) != "squared_error":
        return None
    divisor = float(f"{dose['divisor'] / (2 * variance):.2g}")
    return {"divisor": divisor} if divisor > dose["divisor"] else None


def kept_layers(record: Record, symptom: Symptom) -> Dose | None:
    """The layers are made once, and kept."""
    return None if record.every(facts.MadeInForward) else nothing_to_dose(record, symptom)


def layers_made_anew(record: Record, symptom: Symptom) -> Dose | None:
    """The layers are made in each forward pass."""
    return nothing_to_dose(record, symptom) if record.every(facts.MadeInForward) else None


def replaced_parameters(record: Record, symptom: Symptom) -> Dose | None:
    """The same, where layers have been replaced during the run: the fixed examples belong to the old ones."""
    return {**_network(record, symptom), "replaced": True} if record.fact(facts.Lost, "0") else None


def network_made_again(record: Record, symptom: Symptom) -> Dose | None:
    """The statement that makes another network than the one of which the optimizer has all parameters."""
    model, connections = record.site("model", "0"), record.fact(facts.Connections)
    if connections is None or connections.held != 0 or model is None or not model.variable:
        return None
    return {"kind": "model", "place": "0", "line": model.line}


def _network(record: Record, symptom: Symptom) -> Dose:
    model = record.site("model", "0")
    known = {"model": model.variable} if model and model.variable else {}
    return {"optimizer": symptom.optimizer} | known


def rectifier(record: Record, symptom: Symptom) -> Dose | None:
    """ReLU where the hidden units are sigmoids or tanhs."""
    names = {used.function for used in record.every(facts.Activation).values()}
    return {"activation": "relu", "optimizer": symptom.optimizer} if names & {"sigmoid", "tanh"} else None


def batch_norm(record: Record, symptom: Symptom) -> Dose | None:
    """Batch normalisation, in a network that reads no sequences and whose batches have a variance."""
    sizes = [batch.fact.examples for batch in record.history(facts.Batch)]
    is_fit = bool(sizes) and min(sizes) >= LEAST_BATCH and not record.every(facts.Recurrent)
    return {"kind": "batch", "optimizer": symptom.optimizer} if is_fit else None


def sequence_length(record: Record, symptom: Symptom) -> Dose | None:
    """How many steps a recurrent layer has to remember."""
    lengths = [layer.length for layer in record.every(facts.Recurrent).values()]
    return {"length": max(lengths), "optimizer": symptom.optimizer} if lengths else None


def idle_dropout(record: Record, symptom: Symptom) -> Dose | None:
    """Dropout alone is in evaluation mode: without it the training loss only looks better."""
    modes = record.fact(facts.Modes)
    idle = modes.evaluation if modes else ()
    return nothing_to_dose(record, symptom) if idle and set(idle) <= record.every(facts.Dropout).keys() else None


def idle_normalisation(record: Record, symptom: Symptom) -> Dose | None:
    """Something besides dropout is in evaluation mode."""
    return None if idle_dropout(record, symptom) else nothing_to_dose(record, symptom)


def light_penalty(record: Record, symptom: Symptom) -> Dose | None:
    """What makes the penalty in the loss a hundredth of the rest."""
    connections = record.fact(facts.Connections)
    share = 1 - connections.share if connections else 0.0
    if not 0 < share < 1 or record.site("penalty", "0") is None:
        return None
    return {"kind": "penalty", "place": "0", "factor": one_digit(LIGHT * (1 - share) / share)}


def least_dropout(record: Record, symptom: Symptom) -> Dose | None:
    """A dropout rate that is usual."""
    old = max((dropout.p for dropout in record.every(facts.Dropout).values()), default=0.0)
    return {"p": DROPOUT, "old": old} if old > 2 * DROPOUT else None


def usual_norm(record: Record, symptom: Symptom) -> Dose | None:
    """The median norm of the gradients: clipping leaves the usual step as it is."""
    norms = record.series("clipped_norm").finite().values or record.series("gradient_norm").finite().values
    return (
        {"max_norm": one_digit(median(norms)), "optimizer": symptom.optimizer} if norms and median(norms) > 0 else None
    )


def rare_norm(record: Record, symptom: Symptom) -> Dose | None:
    """A norm that one gradient in ten exceeds: only the cliff is clipped."""
    norms = sorted(record.series("gradient_norm").finite().values)
    norm = quantile(norms, RARE) if norms else 0.0
    return {"max_norm": one_digit(norm), "optimizer": symptom.optimizer} if norm > 0 else None


def longer(record: Record, symptom: Symptom) -> Dose:
    """More passes over the data; of a run that is over after a few steps, as many as make it a usual one."""
    took = record.ending.loop_s - sum(cost.seconds for cost in record.costs.values()) if record.ending else 0.0
    most = min(ENOUGH / max(record.steps, 1), AFFORDABLE_S / took) if took > 0 else 0.0
    times = max(times for times in TIMES if times <= max(most, TIMES[0]))
    return {"times": times, "optimizer": symptom.optimizer}


def longer_and_faster(record: Record, symptom: Symptom) -> Dose | None:
    """More passes and a large rate, where an adaptive rule takes so few steps that neither alone gets it far."""
    rate = short_run_rate(record, symptom)
    return {**longer(record, symptom), **rate} if rate is not None and record.steps < FEW else None


def smaller_batch(record: Record, symptom: Symptom) -> Dose | None:
    """As many examples as the gradient noise scale, at least the usual number: in as many more steps."""
    size = examples_in_batch(record)
    noise = noise_scale(record) or 0.0
    return _batch(size, max(USUAL, 2 ** round(log2(noise)) if noise >= 1 else 0), symptom)


def larger_batch(record: Record, symptom: Symptom) -> Dose | None:
    """Eight times as many examples, where there are only a few: the mean of their gradients scatters less."""
    size = examples_in_batch(record)
    is_little = 0 < size <= LITTLE and record.steps >= LARGER * LEAST_STEPS
    return _batch(size, LARGER * round(size), symptom) if is_little else None


def _batch(size: float, new: int, symptom: Symptom) -> Dose | None:
    changed = {"old": size, "batch_size": new, "smaller": size / new, "optimizer": symptom.optimizer}
    return changed if size > 0 and size != new else None


def until_least(record: Record, symptom: Symptom) -> Dose | None:
    """As many passes as it took to the least held-out loss, where the script has run to its end."""
    curve = record.held_out()
    if record.ending is None or record.ending.reason != "finished" or not len(curve):
        return None
    steps = curve.steps[curve.values.index(curve.min)]
    return {"times": round(steps / record.steps, 4), "steps": steps, "of": record.steps, "optimizer": symptom.optimizer}
