"""Runs without optimizer steps, or with missing or outdated gradients. Keyword arguments change the run."""

from dataclasses import replace

from records import WIRED, add_site, change, change_one, forget, healthy, keep_first, observe

from descend.doctor.record import Ending, Record, facts


def no_step(passes: int = 3, steps: int = 0, by_hand: bool = False) -> Record:
    record = healthy()
    observe(record, facts.BackwardPasses(passes))
    record.ending = Ending("window", 0, steps)
    if by_hand:
        forget(record, facts.Optimizer)
    return record


def no_batch(examples: int = 20, drop_last: bool = True, passes: int = 0, steps: int = 0) -> Record:
    """Return a run that only creates its optimizer and its data loader."""
    full, record = healthy(), Record()
    observe(record, full.fact(facts.Optimizer, "0"), "0")
    observe(record, facts.Loader(True, 32, examples, drop_last), "0")
    observe(record, facts.BackwardPasses(passes))
    for kind, line in (("optimizer", 10), ("loader", 3)):
        add_site(record, kind, "0", line)
    record.ending = Ending("finished", 0, steps)
    return record


def unentered(header: str = "for batch in range(0)") -> Record:
    """Return a run without a data loader, whose training loop is never entered."""
    record = no_batch()
    forget(record, facts.Loader)
    observe(record, facts.UnenteredLoop(header, 15))
    add_site(record, "unentered_loop", "", 12)
    return record


def never_backward(steps: int = 3, with_gradient: int = 0, is_fed: bool = False, name: str | None = "loss") -> Record:
    record = healthy()
    change(record, facts.Wiring, "0", with_gradient=0, is_fed=is_fed)
    keep_first(record, facts.Wiring, steps, "0")
    change_one(record, facts.Wiring, -1, "0", with_gradient=with_gradient)
    if name:
        observe(record, facts.IdleLoss(name), "0")
        add_site(record, "idle_loss", "0", 25)
    return record


def wiped(until: int = 6, since: int = 0) -> Record:
    """Return a run that clears its gradients before each step. since: step of the first backward pass."""
    record = healthy()
    forget(record, facts.Wiring)
    for step in range(6):
        observe(record, replace(WIRED, gradients_wiped=since <= step < until, is_fed=step >= since), "0", step)
    return record


def no_gradient(steps: int = 3, with_gradient: int = 0, unheld: int = 0) -> Record:
    record = healthy()
    change(record, facts.Wiring, "0", with_gradient=0, unheld_count=unheld)
    keep_first(record, facts.Wiring, steps, "0")
    change_one(record, facts.Wiring, -1, "0", with_gradient=with_gradient)
    return record


def no_zero_grad(steps: int = 3, cleared_at: int | None = None, with_gradient: int = 6) -> Record:
    record = healthy()
    change(record, facts.Wiring, "0", gradients_cleared=False, with_gradient=with_gradient)
    change_one(record, facts.Wiring, 0, "0", gradients_cleared=True)  # In the first step, there was nothing to clear.
    keep_first(record, facts.Wiring, steps + 1, "0")
    if cleared_at is not None:
        change_one(record, facts.Wiring, cleared_at, "0", gradients_cleared=True)
    return record


def gradients_lost(steps: int = 6, lost: int = 3) -> Record:
    """Return a run in which the gradients of some backward passes are cleared before each step."""
    record = healthy()
    change(record, facts.Wiring, "0", lost=3)
    keep_first(record, facts.Wiring, steps, "0")
    change_one(record, facts.Wiring, -1, "0", lost=lost)
    return record


def clipped_after_step(calls: int = 4) -> Record:
    record = healthy()
    observe(record, facts.LateClipping(calls))
    add_site(record, "clip", "0", 23)
    return record


def former_parameters(names: tuple[str, ...] = ("0.weight", "2.weight")) -> Record:
    """Return a run whose optimizer holds parameters that the model had before they were replaced."""
    record = healthy()
    change(record, facts.Wiring, "0", replaced=names)
    return record


def cut_by_checkpoint(parameters: int = 6) -> Record:
    record = healthy()
    observe(record, facts.CheckpointWithoutGradient(parameters))
    add_site(record, "checkpoint", "0", 19, detail="checkpoint")
    return record


FIRST_STEPS = {
    clipped_after_step: "clipped_after_step",
    cut_by_checkpoint: "frozen_or_detached",
    former_parameters: "parameters_not_in_optimizer",
    gradients_lost: "gradients_lost",
    never_backward: "no_step",
    no_batch: "no_batch",
    no_gradient: "frozen_or_detached",
    no_step: "no_step",
    no_zero_grad: "no_zero_grad",
}
