"""Runs in which the batch is put together or read wrongly."""

from typing import Any

from records import add_site, falling_to, healthy, observe, set_cost

from descend.doctor.record import Record, facts


def order_dependence(by: str = "recurrence", left: float = 0.4, in_network: bool = True, **more: Any) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    given = {"function": "lstm", "line": 14, "shape": (32, 20, 3), "result": (20, 32, 3), **more}
    observe(record, facts.OrderDependence(32, by, in_network=in_network, **given))
    add_site(record, "order_dependence", "0", 14)
    return record


def examples_not_drawn(distinct: int = 10, draws: int = 4000, promised: int = 1000, **more: int) -> Record:
    record = healthy()
    observe(record, facts.DrawnExamples(1000, promised, distinct, draws, **{"passes": 4, "empty": 0, **more}), "0")
    if more.get("empty"):
        add_site(record, "exhausted", "0", 9)
    return record


def short_length(entries: int = 4000, length: int = 80) -> Record:
    record = healthy()
    observe(record, facts.ShortLength("images", entries, length), "0")
    add_site(record, "length", "0", 6)
    return record


def left_loop() -> Record:
    record = healthy()
    observe(record, facts.LeftLoop(line=27, edit="leave", loop=20), "0")
    add_site(record, "left_loop", "0", 27)
    return record


def moved_examples(left: float = 0.4, axes: tuple[int, ...] = (0, 1), dimensions: int = 3) -> Record:
    shape = (32, 8, 8, 3)[:dimensions]
    return order_dependence("reorder", left, in_network=False, function="roll", axes=axes, shape=shape, result=shape)


def different_rows(is_target: bool = True) -> Record:
    record = healthy()
    observe(record, facts.DifferentRows(64, 63, 1257, (918, 407, 269), (0, 1, 2), is_target))
    add_site(record, "taken_rows", "targets", 11)
    return record


def shifted_twice() -> Record:
    record = healthy()
    observe(record, facts.TargetShift(2, 1.0))
    add_site(record, "taken_rows", "shift", 12, detail="roll")
    return record


def few_rows(distinct: int = 64, draws: int = 512, of: int = 4400) -> Record:
    record = healthy()
    observe(record, facts.DrawnRows(of, distinct, draws))
    add_site(record, "taken_rows", "draw", 9, detail="randint")
    return record


def inverted_weights(
    weights: tuple[float, ...] = (0.9, 0.07, 0.03), counts: tuple[int, ...] = (270, 20, 10), argument: str = "weight"
) -> Record:
    record = healthy()
    observe(record, facts.ClassWeights(argument, weights, counts), "0" if argument == "sampler" else "loss")
    add_site(record, "class_weights", "loss", 17, detail="CrossEntropyLoss")
    return record


def ignored_class(ignored: int = 30, targets: int = 280, following: int = 4) -> Record:
    record = healthy()
    observe(record, facts.IgnoredClass(0, ignored, targets, following), "loss")
    add_site(record, "class_weights", "loss", 17, detail="CrossEntropyLoss")
    return record


def stored_examples_changed(changed: int = 15, read: int = 15, array: str = "images") -> Record:
    record = healthy()
    observe(record, facts.ChangedExamples(changed, read, array))
    add_site(record, "taken_rows", "stored", 8)
    add_site(record, "taken_rows", "changed", 9)
    return record


BATCHES = {
    different_rows: "unpaired_targets",
    examples_not_drawn: "examples_not_drawn",
    few_rows: "examples_not_drawn",
    ignored_class: "class_weights",
    inverted_weights: "class_weights",
    left_loop: "examples_not_drawn",
    moved_examples: "unpaired_targets",
    order_dependence: "examples_mixed",
    shifted_twice: "unpaired_targets",
    short_length: "examples_not_drawn",
    stored_examples_changed: "stored_examples_changed",
}
