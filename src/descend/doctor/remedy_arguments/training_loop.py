"""Arguments of remedies that change the training loop: its length, batch size, clipping or optimizer calls."""

from collections.abc import Callable
from math import log2
from statistics import median

from descend.core.bound import Bound, Count
from descend.core.quantile import quantile
from descend.doctor.assess.batches import USUAL_BATCH, mean_batch_size, noise_scale
from descend.doctor.assess.drawn_examples import (
    find_exhausted_iterator,
    find_partial_index,
    find_partial_sampler,
    find_short_length,
)
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import rate_for_short_run
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.values import Values
from descend.doctor.script.run_names import EndReason

RARE = Bound(
    0.9, "quantile of the gradient norms of a run", "chosen: only the longest tenth of the gradients is clipped"
)
# These are the factors by which the number of passes over the data can be multiplied.
TIMES = (4, 10, 20, 50, 100, 200)
FEW = Count(100, "steps", "chosen: in a shorter run, Adam needs a larger learning rate in addition to more epochs")
ENOUGH = Count(1000, "steps", "chosen: a training run usually has at least this many steps")
AFFORDABLE_S = Bound(10.0, "seconds", "chosen: a user is willing to wait this long for the longer run")
MOST_BATCHES = Count(
    100, "batches in a pass", "chosen: the trial may make so many times the steps if the number of batches is unknown"
)
LITTLE = Count(16, "examples in a batch", "chosen: gradients of batches up to this size vary a lot from batch to batch")
LARGER = Count(
    8,
    "ratio of the new batch size to the present one",
    "chosen: in batches eight times as large, the gradient has about a third of the standard deviation",
)
LEAST_STEPS = Count(
    50, "steps that remain with larger batches", "chosen: a run with fewer steps trains the model too little"
)


def only_optimizer(record: Record, symptom: Symptom) -> Values:
    """Return the key of the optimizer in the record of the run, for a fix that needs no other argument."""
    return {"optimizer": symptom.optimizer}


def exhausted_loop(record: Record, symptom: Symptom) -> Values | None:
    """Return the loader of a loop over an exhausted iterator, and how much longer the run gets; None without one."""
    found = find_exhausted_iterator(record)
    return None if found is None else {"loader": found[0], "times": 1 + found[1].empty // max(1, found[1].passes)}


def loader_with_sampler(record: Record, symptom: Symptom) -> Values | None:
    """Return the loader that draws few of the examples; None without one."""
    found = find_partial_sampler(record)
    return None if found is None else {"loader": found[0]}


def rows_of_random_index(record: Record, symptom: Symptom) -> Values | None:
    """Return how much longer a pass becomes if batches take few rows by a random index; None if they take many.

    A permutation of more rows gives more batches. Numbers that are drawn for each batch do not.
    """
    found, draw = find_partial_index(record), record.site(SiteKind.TAKEN_ROWS, "draw")
    if found is None:
        return None
    is_permutation = draw is not None and draw.detail == "randperm"
    return {"times": found.of // max(1, found.distinct) if is_permutation else 1}


def place_of_change(record: Record, symptom: Symptom) -> Values | None:
    """Return the line that changes stored rows in place; None if it is unknown."""
    site = record.site(SiteKind.TAKEN_ROWS, "changed")
    return None if site is None else {"line": site.line}


def array_of_short_length(record: Record, symptom: Symptom) -> Values | None:
    """Return the array that determines the length of a data set, and how much longer a pass becomes; None without."""
    found = find_short_length(record)
    if found is None:
        return None
    key, short = found
    return {"loader": key, "name": short.array, "times": short.entries // max(1, short.length)}


def break_of_loop(record: Record, symptom: Symptom) -> Values | None:
    """Return the place of the break that ends each training loop, and how many batches a pass has; None without."""
    site = record.site(SiteKind.LEFT_LOOP, "0")
    if site is None:
        return None
    batches = max((loader.batches or 0 for loader in record.every(facts.Loader).values()), default=0)
    return {"kind": SiteKind.LEFT_LOOP, "place": "0", "line": site.line, "times": batches or MOST_BATCHES}


def step_for_each_pass(record: Record, symptom: Symptom) -> Values:
    """Return the key of the optimizer, and how many backward passes are made for each of its steps now."""
    lost = [wiring.fact.lost for wiring in record.history(facts.Wiring, symptom.optimizer)]
    return {"smaller": 1 + max(lost, default=0), "optimizer": symptom.optimizer}


def copy_of_stored_row(record: Record, symptom: Symptom) -> Values | None:
    """Return the method that copies a row of stored data: `clone` for tensors, `copy` for NumPy arrays."""
    found = record.fact(facts.ChangedExamples)
    if found is None:
        return None
    return {"method": "clone" if found.is_tensor else "copy"}


def restart_seed(draw: int) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that selects a restart with new random initial weights. `draw` is its number, from 1."""

    def choose_restart(record: Record, symptom: Symptom) -> Values | None:
        """Return the number of the restart, which determines the random weights, and the key of the optimizer."""
        return {"draw": draw, "optimizer": symptom.optimizer}

    return choose_restart


def optimizer_without_steps(record: Record, symptom: Symptom) -> Values | None:
    """Return the key of the optimizer if the script never calls its `step()`; else None."""
    return None if record.steps else {"optimizer": symptom.optimizer}


def optimizer_with_wiped_gradients(record: Record, symptom: Symptom) -> Values | None:
    """Return the key of the optimizer if gradients are cleared between `backward()` and `step()`; else None."""
    is_wiped = any(wiring.fact.gradients_wiped for wiring in record.history(facts.Wiring, symptom.optimizer))
    return {"optimizer": symptom.optimizer} if is_wiped else None


def median_gradient_norm(record: Record, symptom: Symptom) -> Values | None:
    """Return the median gradient norm as the clipping threshold, which leaves typical steps almost unchanged."""
    norms = record.series("clipped_norm").finite().values or record.series("gradient_norm").finite().values
    if not norms or not median(norms) > 0:
        return None
    return {"max_norm": round_to_one_digit(median(norms)), "optimizer": symptom.optimizer}


def rare_gradient_norm(record: Record, symptom: Symptom) -> Values | None:
    """Return a clipping threshold that one gradient in ten exceeds, so that only exceptional steps are clipped."""
    norms = sorted(record.series("gradient_norm").finite().values)
    norm = quantile(norms, RARE) if norms else 0.0
    return {"max_norm": round_to_one_digit(norm), "optimizer": symptom.optimizer} if norm > 0 else None


def more_passes(record: Record, symptom: Symptom) -> Values:
    """Return the factor by which the number of passes over the data is multiplied: 4, or more for a short run."""
    took = record.ending.loop_s - sum(cost.seconds for cost in record.costs.values()) if record.ending else 0.0
    most = min(ENOUGH / max(record.steps, 1), AFFORDABLE_S / took) if took > 0 else 0.0
    times = max(times for times in TIMES if times <= max(most, TIMES[0]))
    return {"times": times, "optimizer": symptom.optimizer}


def more_passes_at_larger_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return more passes and a larger learning rate if an adaptive optimizer takes too few steps; else None."""
    rate = rate_for_short_run(record, symptom)
    return {**more_passes(record, symptom), **rate} if rate is not None and record.steps < FEW else None


def smaller_batch(record: Record, symptom: Symptom) -> Values | None:
    """Return a batch size near the gradient noise scale, and at least the usual size, so that there are more steps."""
    size = mean_batch_size(record)
    noise = noise_scale(record) or 0.0
    return _new_batch_size(size, max(USUAL_BATCH, 2 ** round(log2(noise)) if noise >= 1 else 0), symptom)


def larger_batch(record: Record, symptom: Symptom) -> Values | None:
    """Return eight times the present batch size; None if batches are large or too few steps would remain."""
    size = mean_batch_size(record)
    is_little = 0 < size <= LITTLE and record.steps >= LARGER * LEAST_STEPS
    return _new_batch_size(size, LARGER * round(size), symptom) if is_little else None


def _new_batch_size(size: float, new: int, symptom: Symptom) -> Values | None:
    """Return the new batch size and the ratio of the old one to it; None if the old one is unknown or the same."""
    if not size > 0 or size == new:
        return None
    return {"old": size, "batch_size": new, "smaller": size / new, "optimizer": symptom.optimizer}


def passes_until_least_loss(record: Record, symptom: Symptom) -> Values | None:
    """Return the fraction of the passes that ends the run at its lowest held-out loss; None if this is unknown."""
    curve = record.held_out()
    if record.ending is None or record.ending.reason != EndReason.FINISHED or not len(curve):
        return None
    steps = curve.steps[curve.values.index(curve.min)]
    return {"times": round(steps / record.steps, 4), "steps": steps, "of": record.steps, "optimizer": symptom.optimizer}
