"""One problem a file: each a pure function of the record."""

from collections.abc import Callable, Collection
from dataclasses import replace

from descend.errors import UsageError
from descend.record import Record
from descend.symptoms.bad_data import bad_data
from descend.symptoms.bad_initialisation import bad_initialisation
from descend.symptoms.batch_size import batch_size
from descend.symptoms.blocked_signal import blocked_signal
from descend.symptoms.broadcasting import broadcasting
from descend.symptoms.cliff import cliff
from descend.symptoms.clipping_too_hard import clipping_too_hard
from descend.symptoms.correlated_inputs import correlated_inputs
from descend.symptoms.covariate_shift import covariate_shift
from descend.symptoms.dead_units import dead_units
from descend.symptoms.degenerate_normalisation import degenerate_normalisation
from descend.symptoms.dimensions_exchanged import dimensions_exchanged
from descend.symptoms.eval_mode import eval_mode
from descend.symptoms.evaluated_in_training_mode import evaluated_in_training_mode
from descend.symptoms.evaluated_on_other_inputs import evaluated_on_other_inputs
from descend.symptoms.examples_mixed import examples_mixed
from descend.symptoms.exploding_gradients import exploding_gradients
from descend.symptoms.fluctuations import fluctuations
from descend.symptoms.frozen_or_detached import frozen_or_detached
from descend.symptoms.ill_conditioned_curvature import ill_conditioned_curvature
from descend.symptoms.incorrect_gradients import incorrect_gradients
from descend.symptoms.infinite_gradient import infinite_gradient
from descend.symptoms.inputs_not_normalised import inputs_not_normalised
from descend.symptoms.instability import instability
from descend.symptoms.labels_wrong import labels_wrong
from descend.symptoms.lagging_statistics import lagging_statistics
from descend.symptoms.layer_rate_mismatch import layer_rate_mismatch
from descend.symptoms.local_optima import local_optima
from descend.symptoms.mixed_reductions import mixed_reductions
from descend.symptoms.momentum_mismatch import momentum_mismatch
from descend.symptoms.narrow_layer import narrow_layer
from descend.symptoms.negated_loss import negated_loss
from descend.symptoms.no_nonlinearity import no_nonlinearity
from descend.symptoms.no_signal import no_signal
from descend.symptoms.no_step import no_step
from descend.symptoms.no_zero_grad import no_zero_grad
from descend.symptoms.optimisation import optimisation
from descend.symptoms.oscillation import oscillation
from descend.symptoms.outliers import outliers
from descend.symptoms.output_loss_mismatch import output_loss_mismatch
from descend.symptoms.over_regularised import over_regularised
from descend.symptoms.overfitting import overfitting
from descend.symptoms.parameters_not_in_optimizer import parameters_not_in_optimizer
from descend.symptoms.plateau import plateau
from descend.symptoms.saddle_point import saddle_point
from descend.symptoms.saturated_units import saturated_units
from descend.symptoms.schedule import schedule
from descend.symptoms.slow_progress import slow_progress
from descend.symptoms.stopped_too_early import stopped_too_early
from descend.symptoms.stragglers import stragglers
from descend.symptoms.sum_reduction import sum_reduction
from descend.symptoms.symmetric_units import symmetric_units
from descend.symptoms.symptom import Symptom
from descend.symptoms.target_leak import target_leak
from descend.symptoms.targets_not_scaled import targets_not_scaled
from descend.symptoms.unbalanced_terms import unbalanced_terms
from descend.symptoms.unbounded_loss import unbounded_loss
from descend.symptoms.unpaired_targets import unpaired_targets
from descend.symptoms.unreachable_loss import unreachable_loss
from descend.symptoms.unreadable import unreadable
from descend.symptoms.unshuffled_data import unshuffled_data
from descend.symptoms.vanishing_gradients import vanishing_gradients
from descend.symptoms.warm_start import warm_start
from descend.symptoms.weights_not_loaded import weights_not_loaded
from descend.symptoms.wrong_objective import wrong_objective
from descend.symptoms.wrong_step import wrong_step
from descend.symptoms.zero_input import zero_input

# Causes before consequences: wiring first, then the data and the start, then what happens over time.
SYMPTOMS: dict[str, Callable[[Record], Symptom | None]] = {
    "bad_data": bad_data,
    "no_step": no_step,
    "parameters_not_in_optimizer": parameters_not_in_optimizer,
    "weights_not_loaded": weights_not_loaded,
    "frozen_or_detached": frozen_or_detached,
    "incorrect_gradients": incorrect_gradients,
    "wrong_step": wrong_step,
    "negated_loss": negated_loss,
    "no_zero_grad": no_zero_grad,
    "labels_wrong": labels_wrong,
    "broadcasting": broadcasting,
    "output_loss_mismatch": output_loss_mismatch,
    "degenerate_normalisation": degenerate_normalisation,
    "dimensions_exchanged": dimensions_exchanged,
    "target_leak": target_leak,
    "zero_input": zero_input,
    "infinite_gradient": infinite_gradient,
    "eval_mode": eval_mode,
    "lagging_statistics": lagging_statistics,
    "evaluated_in_training_mode": evaluated_in_training_mode,
    "evaluated_on_other_inputs": evaluated_on_other_inputs,
    "examples_mixed": examples_mixed,
    "unpaired_targets": unpaired_targets,
    "no_signal": no_signal,
    "unshuffled_data": unshuffled_data,
    "symmetric_units": symmetric_units,
    "no_nonlinearity": no_nonlinearity,
    "narrow_layer": narrow_layer,
    "outliers": outliers,
    "mixed_reductions": mixed_reductions,
    "sum_reduction": sum_reduction,
    "targets_not_scaled": targets_not_scaled,
    "inputs_not_normalised": inputs_not_normalised,
    "over_regularised": over_regularised,
    "saturated_units": saturated_units,
    "bad_initialisation": bad_initialisation,
    "schedule": schedule,
    "clipping_too_hard": clipping_too_hard,
    "momentum_mismatch": momentum_mismatch,
    "warm_start": warm_start,
    "layer_rate_mismatch": layer_rate_mismatch,
    "exploding_gradients": exploding_gradients,
    "instability": instability,
    "cliff": cliff,
    "dead_units": dead_units,
    "vanishing_gradients": vanishing_gradients,
    "oscillation": oscillation,
    "saddle_point": saddle_point,
    "correlated_inputs": correlated_inputs,
    "covariate_shift": covariate_shift,
    "ill_conditioned_curvature": ill_conditioned_curvature,
    "slow_progress": slow_progress,
    "plateau": plateau,
    "fluctuations": fluctuations,
    "local_optima": local_optima,
    "overfitting": overfitting,
    "stragglers": stragglers,
    "batch_size": batch_size,
    "stopped_too_early": stopped_too_early,
    "unbounded_loss": unbounded_loss,
    "unreachable_loss": unreachable_loss,
    "blocked_signal": blocked_signal,
    "unreadable": unreadable,
    "unbalanced_terms": unbalanced_terms,
    "wrong_objective": wrong_objective,
    "optimisation": optimisation,
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
    """Return what is wrong, causes first; each with those of its possible consequences that were seen."""
    found = _found(record, [name for name in chosen(select, ignore) if name not in GENERAL])
    later = [{symptom.id for symptom in found[i + 1 :]} for i in range(len(found))]
    return [replace(symptom, explains=symptom.explains & ids) for symptom, ids in zip(found, later)]


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
