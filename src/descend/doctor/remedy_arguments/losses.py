"""Arguments of remedies that change the loss: its function, its terms, its input or its autograd graph."""

from descend.core.bound import Bound
from descend.doctor.assess.class_weights import find_growing_weights, find_ignored_class
from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.modules import excess_weight
from descend.doctor.assess.output_ranges import ONE_SIDED, lowest_loss_on_simplex
from descend.doctor.assess.single_entry import find_output_softmax_of_one
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.remedy_arguments.values import Values

NO_CLASS = -100  # the default of `ignore_index` in torch.nn, which is no class
LIGHT = Bound(
    0.01,
    "ratio of the penalty term to the other terms of the loss",
    "chosen: a penalty of a hundredth of the other terms has almost no effect on them",
)
SMALL = Bound(
    1e-8,
    "number added to the argument of a square root or a logarithm",
    "chosen: the square root's derivative at this number is 5000, which is large but finite",
)


def redundant_activation(record: Record, symptom: Symptom) -> Values | None:
    """Return the output activation that the loss function applies a second time; None if removal is no fix."""
    given = record.fact(facts.LossInput)
    if given is None or given.activation is None:
        return None
    removable = given.task == Task.REAL or given.function in ("cross_entropy", "binary_cross_entropy_with_logits")
    removable = removable or given.inner_activation == given.activation == "sigmoid"
    return {"activation": given.activation} if removable else None


def activation_for_loss(record: Record, symptom: Symptom) -> Values | None:
    """Return the output activation that the loss function expects, log_softmax or sigmoid; None if it is unknown."""
    given = record.fact(facts.LossInput)
    if given is None:
        return None
    if (given.function, given.activation) == ("nll_loss", "softmax"):
        return {"activation": "log_softmax"}
    shared = given.activation == "softmax" and lowest_loss_on_simplex(record) is not None
    unfit = shared or find_output_softmax_of_one(record) is not None or given.activation in ONE_SIDED
    if given.function == "binary_cross_entropy" and unfit:
        return {"activation": "sigmoid"}
    return None


def loss_without_backward(record: Record, symptom: Symptom) -> Values | None:
    """Return the variable of a loss whose `backward()` is never called; None if there is no such loss."""
    idle = record.fact(facts.IdleLoss, symptom.optimizer)
    return {"loss": idle.variable, "optimizer": symptom.optimizer} if idle else None


def loss_for_raw_scores(record: Record, symptom: Symptom) -> Values | None:
    """Return `cross_entropy` as the new loss if the script passes logits, not log-probabilities, to `nll_loss`."""
    given = record.fact(facts.LossInput)
    if given is None or given.function != "nll_loss" or given.activation in ("softmax", "log_softmax"):
        return None
    return {"loss": "cross_entropy"}


def multi_label_loss(record: Record, symptom: Symptom) -> Values | None:
    """Return binary cross-entropy with logits as the new loss if an example can have several labels; else None."""
    targets = record.fact(facts.Targets)
    if targets is None or targets.own_entropy != 0 or (targets.min, targets.max) != (0, 1):
        return None
    return {"loss": "binary_cross_entropy_with_logits"} if targets.row_sum_max > 1 else None


def likelihood_of_probabilities(record: Record, symptom: Symptom) -> Values | None:
    """Return binary cross-entropy as the new loss if the script compares sigmoids with labels of 0 and 1; else None."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.activation != "sigmoid" or (targets.min, targets.max) != (0, 1):
        return None
    return {"loss": "binary_cross_entropy"} if given.function in ("mse_loss", "l1_loss", "smooth_l1_loss") else None


def robust_loss(record: Record, symptom: Symptom) -> Values | None:
    """Return the Huber loss, which grows only linearly for large errors, as the new loss function."""
    return {"loss": "huber_loss"}


def optimizer_if_derivatives_are_cut(record: Record, symptom: Symptom) -> Values | None:
    """Return the optimizer's key in the record if derivatives in the loss are detached from the graph; else None."""
    return only_optimizer(record, symptom) if record.fact(facts.ConstantTerm) else None


def optimizer_if_graph_is_cut(record: Record, symptom: Symptom) -> Values | None:
    """Return the optimizer's key in the record; None if derivatives in the loss are detached from the graph."""
    return None if record.fact(facts.ConstantTerm) else only_optimizer(record, symptom)


def small_eps(record: Record, symptom: Symptom) -> Values | None:
    """Return the small number that is added to the argument of a square root or a logarithm in the loss."""
    return {"eps": SMALL}


def sum_reduction(record: Record, symptom: Symptom) -> Values | None:
    """Return `reduction="sum"` for the main loss if another loss term is summed over the batch; else None."""
    term = record.fact(facts.MixedReductions)
    return {"reduction": "sum"} if term is not None and term.over_batch else None


def divisor_of_sum(record: Record, symptom: Symptom) -> Values | None:
    """Return the divisor that turns a loss term's sum over the values of an example into a mean; else None."""
    term = record.fact(facts.MixedReductions)
    return {"divisor": excess_weight(term)} if term is not None and not term.over_batch else None


def divisor_by_likelihood(record: Record, symptom: Symptom) -> Values | None:
    """Return a larger divisor for the summed loss term, with the squared error as a Gaussian log-likelihood.

    That likelihood weighs the squared error by 1 / (2σ²), where σ² is the variance of the targets.
    """
    values, variance = divisor_of_sum(record, symptom), constant_cost(record)
    if values is None or not variance or evaluation_metric(record) != "squared_error":
        return None
    divisor = float(f"{values['divisor'] / (2 * variance):.2g}")
    return {"divisor": divisor} if divisor > values["divisor"] else None


def light_penalty(record: Record, symptom: Symptom) -> Values | None:
    """Return the factor that reduces the penalty term to a hundredth of the other terms of the loss."""
    connections = record.fact(facts.Connections)
    share = 1 - connections.share if connections else 0.0
    if not 0 < share < 1 or record.site(SiteKind.PENALTY, "0") is None:
        return None
    return {"kind": "penalty", "place": "0", "factor": round_to_one_digit(LIGHT * (1 - share) / share)}


def growing_weights(record: Record, symptom: Symptom) -> Values | None:
    """Return the weights that are larger for frequent classes: their argument, and their key; None without any."""
    found = find_growing_weights(record)
    return None if found is None else {"argument": found[1].argument, "place": found[0]}


def counted_class(record: Record, symptom: Symptom) -> Values | None:
    """Return the value of `ignore_index` that ignores no class, and the class that is ignored now; None without one."""
    found, site = find_ignored_class(record), record.site(SiteKind.CLASS_WEIGHTS, "loss")
    if found is None or site is None or find_growing_weights(record) is not None:
        return None
    place: Values = {"kind": site.kind, "place": site.key, "ignored": found.index}
    return {**place, "keyword": "ignore_index", "value": NO_CLASS, "index": -1}
