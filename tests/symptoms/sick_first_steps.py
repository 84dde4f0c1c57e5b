"""Runs whose optimizer never steps, or steps without gradients; the keywords move them to neighbours."""

from dataclasses import replace

from records import WIRED, add_site, change, change_one, forget, healthy, keep_first, observe

from descend.doctor.record import Ending, Record, facts


def no_step(passes: int = 3, steps: int = 0, by_hand: bool = False) -> Record:
    record = healthy()
    observe(record, facts.Passes(passes))
    record.ending = Ending("window", 0, steps)
    if by_hand:
        forget(record, facts.Optimizer)
    return record


def no_batch(examples: int = 20, drop_last: bool = True, passes: int = 0, steps: int = 0) -> Record:
    """A run that only makes its optimizer and its loader."""
    full, record = healthy(), Record()
    observe(record, full.fact(facts.Optimizer, "0"), "0")
    observe(record, facts.Loader(True, 32, examples, drop_last), "0")
    observe(record, facts.Passes(passes))
    for kind, line in (("optimizer", 10), ("loader", 3)):
        add_site(record, kind, "0", line)
    record.ending = Ending("finished", 0, steps)
    return record


def unentered(header: str = "for batch in range(0)") -> Record:
    """A run whose training loop makes no pass, and has no loader."""
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
    """Before `since` no backward pass has been made yet."""
    record = healthy()
    forget(record, facts.Wiring)
    for step in range(6):
        observe(record, replace(WIRED, gradients_wiped=since <= step < until, is_fed=step >= since), "0", step)
    return record
