"""Prescriptions: the remedy entries that apply to a run's symptoms, each with its remedy arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import Path

from descend.core.errors import UsageError
from descend.doctor.assess.effective_rate import effective_learning_rate
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.logged_metric import is_measured_by_loss, main_metric
from descend.doctor.assess.opponents import has_exploded
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog import CATALOG, GENERAL, SEARCHES, RemedyEntry
from descend.doctor.catalog.suggestible import NAMES
from descend.doctor.codemod.suspected_site import DATA_SITE_KINDS, LOSS_SITE_KINDS
from descend.doctor.codemod.unused_definitions import remove_unused_code
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.facts.typed import KINDS
from descend.doctor.remedies import (
    REMEDIES,
    SETS_LEARNING_RATE,
    Change,
    JudgedOn,
    Key,
    NotApplicable,
    Prescription,
    apply_remedy,
    if_applicable,
    remade_by,
)
from descend.doctor.remedy_arguments.other_optimizers import adam_for_few_steps
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.values import Values
from descend.doctor.script.script import Script
from descend.doctor.symptoms.phrases import ADAM_COST, NEW_LEARNING_RATE, USE_ADAM

# problems that are reported only if an edit improves the run clearly, unless the run fails
COULD_BE_BETTER = GENERAL.union(NAMES)
NO_SIGNAL = "no_signal"
SETS_THE_STEP = SETS_LEARNING_RATE | {"optimizer_argument"}


def prescribe(record: Record, symptoms: list[Symptom], named: Sequence[Symptom] = ()) -> list[Prescription]:
    """Return the remedies for the symptoms, with arguments that fit the run, in catalog order and without duplicates.

    named: the symptoms of all specific problems of the run. An edit in the line of a certain symptom counts as an edit
    for that symptom.
    """
    is_noise = any(s.id == NO_SIGNAL for s in (unexplained_symptoms(list(named)) if named else symptoms))
    certain = {(s.where.file, s.where.line) for s in named if s.certain and s.where}
    found: dict[Key, Prescription] = {}
    for symptom in symptoms:
        for row in CATALOG[symptom.id].remedies:
            if (values := row.choose_values(record, symptom)) is not None:
                if "kind" in values and row.judged_on == "metric" and not _has_independent_metric(record, values):
                    continue  # The edit could change the metric that decides its own trial.
                known = _prescription(row, record, symptom, values)
                if known.times == 1 and not row.restart and (old := _learning_rate(record, symptom, values)):
                    at_rate = partial(_with_learning_rate, row, record, symptom, values, old)
                    known = replace(known, at_rate=at_rate, tunes=symptom.kind != "wiring")
                    has_a_rule = not known.tunes or bool(SETS_THE_STEP.intersection(row.remedies))
                    if not has_a_rule and (usual := adam_for_few_steps(record, symptom)):
                        known = replace(known, with_adam=partial(_with_adam, row, record, symptom, values, usual))
                site = record.site(*known.at) if known.at else None
                edits_fact = site is not None and (site.file, site.line) in certain
                may_memorise = is_noise and not _may_restore_signal(symptom)
                known = replace(known, of_fact=known.of_fact or edits_fact, may_memorise=may_memorise)
                found.setdefault(known.key, known)
    return list(found.values())


def _may_restore_signal(symptom: Symptom) -> bool:
    """Return whether fixing this problem may increase the information that the inputs contain about the targets."""
    return NO_SIGNAL in CATALOG[symptom.id].consequences or symptom.id in SEARCHES[0]


def _has_independent_metric(record: Record, values: Values) -> bool:
    """Return whether the metric that decides a trial does not depend on the line that the trial edits.

    It is independent if it is computed on other data or in a separate pass. An edit of the network's inputs affects
    every metric, and an edit of the loss only affects error metrics.
    """
    metric = main_metric(record)
    if metric is None:
        return is_measured_by_loss(record)
    is_apart = metric.is_held_out is True or bool(
        record.every_site(SiteKind.EVALUATION) or record.places("evaluation_loss")
    )
    if values["kind"] in DATA_SITE_KINDS and values.get("feeds", True):
        return is_apart
    return is_apart or values["kind"] not in (*DATA_SITE_KINDS, *LOSS_SITE_KINDS) or metric.kind != "error"


def interleave(each: Sequence[Sequence[Prescription]], record: Record) -> list[Prescription]:
    """Return the first remedy of each list, then the second of each, and so on, so that a few trials cover all lists.

    Within a list, the first edit of each source line comes before the second edit of any line.
    """
    found: dict[Key, Prescription] = {}
    spread = [_spread_over_lines(prescriptions, record) for prescriptions in each]
    for prescription in (p for same_rank in zip_longest(*spread) for p in same_rank if p is not None):
        found.setdefault(prescription.key, prescription)
    return list(found.values())


def _spread_over_lines(prescriptions: Sequence[Prescription], record: Record) -> list[Prescription]:
    """Return the edits in an order in which the first edit of each source line precedes the second edit of any line."""
    edits: dict[tuple[str, int], int] = {}
    ranked: list[tuple[int, Prescription]] = []
    for prescription in prescriptions:
        site = record.site(*prescription.at) if prescription.at else None
        line = (site.file, site.line) if site else ("", len(ranked))
        edits[line] = rank = edits.get(line, -1) + 1
        ranked.append((rank, prescription))
    return [prescription for _, prescription in sorted(ranked, key=lambda pair: pair[0])]


def first_applicable(prescriptions: Sequence[Prescription], script: Script, most: int) -> list[Prescription]:
    """Return the first `most` remedies that can be applied to the script and lead to different edited scripts."""
    texts: list[Mapping[Path, str]] = []
    found: list[Prescription] = []
    for prescription in prescriptions:
        edited = if_applicable(prescription.apply, script) if len(found) < most else None
        if edited is not None and edited.edits not in texts:
            texts.append(edited.edits)
            found.append(prescription)
    return found


def _prescription(row: RemedyEntry, record: Record, symptom: Symptom, values: Values) -> Prescription:
    """Return one remedy for a symptom with all that its trial needs: its edits, their arguments and the metric."""
    judged_on, metric = _deciding_metric(row, record), main_metric(record)
    if judged_on == "metric" and metric is not None and metric.kind == "error":
        values = {**values, "is_judged_by_error": True}
    if judged_on == "metric" and metric is not None and metric.may_be_likelihood:
        values = {**values, "is_judged_by_likelihood": True}
    much = row.much or symptom.id in COULD_BE_BETTER and not summarise(record).fails()
    return Prescription(
        **row.traits() | {"judged_on": judged_on, "much": much},
        symptom=symptom.id,
        changes=tuple(
            Change(remedy, partial(_edit_with_remedy, remedy, record, values), values) for remedy in row.remedies
        ),
        label=row.label.format(**values),
        times=max(1, int(values.get("times", 1))),
        of_fact=symptom.certain,
        flatters=CATALOG[symptom.id].flatters,
        of_search=symptom.id in GENERAL,
        optimizer=str(values.get("optimizer", "")),
        smaller_batch=float(values.get("smaller", 1.0)),
        remakes=_changed_parts(row, record, values),
        at=(SiteKind(values["kind"]), values["place"]) if "kind" in values and "place" in values else None,
    )


def _changed_parts(row: RemedyEntry, record: Record, values: Values) -> frozenset[facts.Remade]:
    """Return which parts of the task, such as the loss, a remedy changes on purpose or in the places that it edits."""
    kind = KINDS.get(values.get("kind", ""))
    places = values.get("places", [values.get("place", "")])
    found: list[object] = [record.fact(kind, place) for place in places] if kind is not None else []
    edited = [known.remakes for known in found if isinstance(known, facts.Editable)]
    return frozenset().union(*map(remade_by, row.remedies), *edited)


def _deciding_metric(row: RemedyEntry, record: Record) -> JudgedOn:
    """Return which kind of metric decides the trial of a remedy: a logged one if the loss cannot measure the gain."""
    if row.judged_on == "evaluation":
        by_loss: JudgedOn = "held_out" if len(record.held_out(record)) else "fixed"
        return by_loss if main_metric(record) is None else "metric"
    if row.judged_on not in ("fixed", "spread", "metric"):
        return row.judged_on
    by_loss = "fixed" if row.judged_on == "metric" else row.judged_on
    if row.judged_on != "metric" and (is_measured_by_loss(record) or has_exploded(record)):
        return by_loss
    if main_metric(record) is not None:
        return "metric"
    return "training" if row.leaves_loss and not evaluation_metric(record) else by_loss


def _learning_rate(record: Record, symptom: Symptom, values: Values) -> float:
    """Return the learning rate after a remedy with the arguments `values`: the one they set, or the optimizer's."""
    return float(values.get("lr") or effective_learning_rate(record, values.get("optimizer", symptom.optimizer)))


def _with_learning_rate(
    row: RemedyEntry, record: Record, symptom: Symptom, values: Values, rate: float, factor: float
) -> Prescription:
    """Return a remedy that also sets the learning rate to `factor` times the old learning rate, `rate`."""
    lr = round_to_one_digit(factor * rate)
    if "lr" in values:
        return _prescription(row, record, symptom, {**values, "lr": lr})
    further: Values = {"optimizer": symptom.optimizer, **values, "lr": lr}
    known = _prescription(row, record, symptom, values)
    return _with_remedy(known, "learning_rate", record, further, NEW_LEARNING_RATE.format(old=rate, lr=lr), 1)


def _with_adam(
    row: RemedyEntry, record: Record, symptom: Symptom, values: Values, usual: Values, factor: float
) -> Prescription:
    """Return a remedy that also changes the optimizer to Adam, with `factor` times its usual learning rate."""
    rule: Values = {**usual, "lr": round_to_one_digit(factor * usual["lr"])}
    known = _prescription(row, record, symptom, values)
    return _with_remedy(known, "adaptive_rule", record, {**values, **rule}, USE_ADAM.format(**rule), ADAM_COST)


def _with_remedy(
    known: Prescription, remedy: str, record: Record, values: Values, words: str, cost: int
) -> Prescription:
    """Return the prescription `known` with a further, last remedy; all its remedies get the arguments `values`."""
    remedies = (*known.remedies, remedy)
    changes = tuple(Change(each, partial(_edit_with_remedy, each, record, values), values) for each in remedies)
    return replace(known, changes=changes, label=f"{known.label}, {words}", cost=known.cost + cost)


def _edit_with_remedy(remedy: str, record: Record, values: Values, script: Script) -> Script:
    """Return the script after the edit of one remedy. Raise `NotApplicable` if the edit fails for any reason."""
    try:
        return remove_unused_code(script, apply_remedy(REMEDIES[remedy], script, record, values))
    except (OSError, UsageError, NotApplicable):  # A file that cannot be read is not a bug in descend.
        raise
    except Exception as error:  # Even if an edit fails on an unusual script, the other edits are tried.
        reason = f"this is a bug in descend: the edit {remedy} raised {type(error).__name__}: {error}"
        raise NotApplicable(reason) from error
