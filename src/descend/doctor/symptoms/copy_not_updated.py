"""Copy not updated: the script evaluates a copy of the trained network, but the copy does not follow the training.

The evaluated outputs are f(x; copy of w), and the steps change only w. If the copy keeps its initial values, the metric
stays that of an untrained network, whatever the training loss does. A running average with the decay β follows w within
about 1/(1 − β) updates.
"""

from descend.doctor.assess.copies import FOLLOWS, INITIAL, find_stale_copy
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.copies import calls_of_copy, decay_for_run, update_of_average
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Polyak & Juditsky 1992, sect. 1: an average of the iterates replaces the last iterate only if it follows them"

PROBLEM = Problem(
    id="copy_not_updated",
    kind="wiring",
    title="the evaluated copy does not follow the trained network",
    consequences=frozenset({"overfitting", "stopped_too_early", "lagging_statistics"}),
    remedies=(
        RemedyEntry(
            "average_decay",
            decay_for_run,
            "set the decay of the averaged weights to {decay:.4g} (now {old:g})",
            "the average then covers the last tenth of the steps instead of the initial weights",
            "Karras et al. 2024, sect. 3",
            cost=1,
            judged_on="evaluation",
        ),
        RemedyEntry(
            "average_network",
            update_of_average,
            "average the weights of the trained network into the copy",
            "the copy then follows the network",
            SOURCE,
            cost=1,
            judged_on="evaluation",
        ),
        RemedyEntry(
            "evaluate_network",
            calls_of_copy,
            "evaluate {name} instead of its copy",
            "the evaluation then measures the weights that are trained",
            SOURCE,
            cost=1,
            judged_on="evaluation",
        ),
    ),
    example=CodeExample(
        faulty=(
            "average = torch.optim.swa_utils.AveragedModel(model)\n"
            "training_step(inputs, targets)\n"
            "accuracy = evaluate(average)"
        ),
        fixed=(
            "average = torch.optim.swa_utils.AveragedModel(model)\n"
            "training_step(inputs, targets)\n"
            "average.update_parameters(model)\n"
            "accuracy = evaluate(average)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report an evaluated copy of the network that has followed less than half of the network's change.

    Only copies with the network's values at the first step count. The run must include the script's last evaluation.
    """
    found = find_stale_copy(record)
    if found is None:
        return None
    (key, *_), copy = found
    is_only = not copy.is_network_called
    if not is_only and not summary.may_fail():
        return None
    names = (f"`{copy.copy}`", f"`{copy.network}`") if copy.copy else ("a copy of the network", "the network")
    decay, update = record.fact(facts.AverageDecay, "0"), record.site(SiteKind.AVERAGE_UPDATE, "0")
    slow = f", because its decay of {decay.decay:g} is too slow for {record.steps} steps" if decay is not None else ""
    cause = f", because line {update.line} averages the weights of the wrong network" if update is not None else slow
    return FatalDetection(
        certain=is_only and copy.followed < INITIAL,
        likely=True,
        sentence=f"the script evaluates {names[0]}, whose weights have followed {copy.followed:.0%} of the change of "
        f"{names[1]} since the first step (limit: {FOLLOWS:.0%}){cause}",
        quantity=FOLLOWS.unit,
        value=copy.followed,
        bound=FOLLOWS,
        source=SOURCE,
        where=update or record.site(SiteKind.AVERAGE_DECAY, "0") or record.site(SiteKind.EVALUATED_COPY, key),
    )
