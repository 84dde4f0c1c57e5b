"""Runs with faulty modules: weights that were not loaded, unsuitable running statistics, too few units."""

from dataclasses import replace

from records import add_site, falling_to, healthy, observe, probe, set_cost

from descend.doctor.record import Record, facts


def selection_before_split() -> Record:
    record = healthy()
    observe(record, facts.SelectionBeforeSplit("SelectKBest", "y"), "0")
    add_site(record, "selection_before_split", "0", 13, "")
    return record


def weights_not_loaded(prefix: str | None = "module.", extra: bool = True, missing: int = 4, step: int = 0) -> Record:
    record = healthy()
    other = "head.weight" if prefix is None else f"{prefix}fc.weight" if extra else "weight"
    load = facts.PartlyLoaded(missing, 4, "fc.weight", other)
    if prefix is not None:
        load = replace(load, prefix=prefix, is_extra=extra, names=missing)
    observe(record, load, "0", step)
    add_site(record, "load_state_dict", "0", 13)
    return record


def own_weights(source: str = "model", step: int = 100) -> Record:
    record = healthy()
    observe(record, facts.OwnWeightsLoaded(4, "target", source), "own0", step)
    add_site(record, "load_state_dict", "own0", 25)
    return record


def copy_not_updated(
    followed: float = 0.02, is_network_called: bool = False, decay: float = 0.0, left: float = 0.5, update: int = 0
) -> Record:
    """Return a run that evaluates a stale average. update: line that averages the wrong network; 0 without one."""
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.EvaluatedCopy(followed, "average", "model", is_network_called), "0.0")
    add_site(record, "evaluated_copy", "0.0", 30)
    if decay:
        observe(record, facts.AverageDecay(decay, is_complement=False), "0")
        add_site(record, "average_decay", "0", 8)
    if update:
        add_site(record, "average_update", "0", update)
    return record


def lagging_statistics(
    momentum: float = 0.001, remaining: float = 0.9, worse: float = 10.0, left: float = 0.8, reason: str = "finished"
) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    record.ending = replace(record.ending, reason=reason)
    trained = [value / worse for value in record.series("metric", "negative_log_likelihood").values]
    probe(record, "metric_in_training_mode", "negative_log_likelihood", trained)
    observe(record, facts.RunningStatistics(0.1, 100, 2.7e-5, "0"), "0")
    observe(record, facts.RunningStatistics(momentum, 100, remaining, "1"), "1")
    add_site(record, "running_statistics", "1", 14)
    return record


def unaveraged_buffers(left: float = 0.5) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.UnaveragedBuffers(12), "0")
    add_site(record, "unaveraged_buffers", "0", 12)
    return record


def narrow_layer(inputs: int = 3, units: tuple[int, ...] = (3, 2, 1), left: float = 0.5) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.Widths(("0", "2", "4"), inputs, units))
    for name, line in (("0", 16), ("2", 17)):
        add_site(record, "linear", name, line)
    return record


def zero_input(left: float = 0.5) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    observe(record, facts.ZeroInput("Linear"), "decoder.first")
    add_site(record, "zero_input", "decoder.first", 18)
    return record


HELD = {
    zero_input: "zero_input",
    selection_before_split: "selection_before_split",
    weights_not_loaded: "weights_not_loaded",
    own_weights: "weights_not_loaded",
    copy_not_updated: "copy_not_updated",
    lagging_statistics: "lagging_statistics",
    unaveraged_buffers: "lagging_statistics",
    narrow_layer: "narrow_layer",
}
