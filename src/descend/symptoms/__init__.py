"""One problem a file: each a pure function of the record, of the file's name."""

from collections.abc import Callable, Collection
from dataclasses import replace
from importlib import import_module

from descend.errors import UsageError
from descend.record import Record
from descend.symptoms.symptom import Symptom

# Causes before consequences: wiring first, then the data and the start, then what happens over time.
ORDER = """
    bad_data no_step parameters_not_in_optimizer weights_not_loaded frozen_or_detached incorrect_gradients
    wrong_step negated_loss no_zero_grad labels_wrong broadcasting output_loss_mismatch degenerate_normalisation
    dimensions_exchanged target_leak zero_input infinite_gradient eval_mode lagging_statistics
    evaluated_in_training_mode evaluated_on_other_inputs wrong_metric examples_mixed unpaired_targets no_signal
    unshuffled_data symmetric_units no_nonlinearity narrow_layer outliers mixed_reductions sum_reduction
    targets_not_scaled inputs_not_normalised over_regularised saturated_units bad_initialisation schedule
    clipping_too_hard momentum_mismatch warm_start layer_rate_mismatch exploding_gradients instability cliff dead_units
    vanishing_gradients oscillation saddle_point correlated_inputs covariate_shift ill_conditioned_curvature
    slow_progress plateau fluctuations local_optima overfitting stragglers batch_size stopped_too_early
    unbounded_loss unreachable_loss blocked_signal unreadable unbalanced_terms wrong_objective optimisation
""".split()
SYMPTOMS: dict[str, Callable[[Record], Symptom | None]] = {
    name: getattr(import_module(f"{__name__}.{name}"), name) for name in ORDER
}
# Told and tried where what has a name of its own does not do: first what points at a place, then what points at none.
SEARCHES = (
    frozenset(
        {"unbounded_loss", "unreachable_loss", "blocked_signal", "unreadable", "unbalanced_terms", "wrong_objective"}
    ),
    frozenset({"optimisation"}),
)
GENERAL = frozenset().union(*SEARCHES)


def chosen(select: Collection[str], ignore: Collection[str]) -> list[str]:
    """Return the ids to look for: those selected (all, where none is) without those ignored."""
    return [name for name in SYMPTOMS if name not in ignore and (not select or name in select)]


def check_ids(ids: Collection[str]) -> None:
    """Raise `UsageError` for the first id that no symptom has."""
    if unknown := [name for name in ids if name not in SYMPTOMS]:
        raise UsageError(f"unknown symptom {unknown[0]}; there are: {', '.join(SYMPTOMS)}")


def diagnose(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return what is wrong, causes first; each with those of its consequences that were seen, or that are general."""
    found = _found(record, [name for name in chosen(select, ignore) if name not in GENERAL])
    later = [{symptom.id for symptom in found[i + 1 :]} for i in range(len(found))]
    return [replace(symptom, explains=symptom.explains & (ids | GENERAL)) for symptom, ids in zip(found, later)]


def general(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return what may be wrong where nothing that has a name of its own does explain a run."""
    return _found(record, [name for name in chosen(select, ignore) if name in GENERAL])


def _found(record: Record, names: Collection[str]) -> list[Symptom]:
    found = [symptom for name in names if (symptom := SYMPTOMS[name](record)) is not None]
    return [replace(s, where=record.site_in_script(s.where)) if s.where else s for s in found]


def causes(symptoms: list[Symptom]) -> list[Symptom]:
    """Return the symptoms that no earlier one explains, be it through others."""
    explained: set[str] = set()
    kept = []
    for symptom in symptoms:
        if symptom.id not in explained:
            kept.append(symptom)
        explained |= symptom.explains
    return kept


__all__ = ["GENERAL", "SEARCHES", "SYMPTOMS", "Symptom", "causes", "chosen", "diagnose", "general"]
