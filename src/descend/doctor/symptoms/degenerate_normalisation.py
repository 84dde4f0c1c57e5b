"""Degenerate normalisation: a softmax or a norm over a single entry is constant; over no entry it is NaN."""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, loss_left_message
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Count

SOURCE = "torch.nn.Softmax: exp(x)/exp(x) = 1; Ba et al. 2016, eq. 4: x − mean(x) = 0 over one entry"
ENTRIES = Count(2, "entries that are normalised together", "fewer make a constant")


def degenerate_normalisation(record: Record) -> Sign | None:
    """A normalisation that is always over one entry, inside a network that leaves some of the cost; or over none."""
    if (masked := _all_masked(record)) is not None:
        return masked
    place = lone_place(record)
    lone = record.fact(facts.LoneEntry, place)
    if lone is None or not cost_left(record) > LEFT_TO_LEARN:
        return None
    gives = f"is always {constant_of(lone.function)}" if lone.is_softmax else "is its bias alone"
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"{lone.function} of values of shape {lone.shape} is taken over a single entry: what it "
        f"gives {gives}, so nothing passes through it, forward or backward; {loss_left_message(record)}",
        quantity="entries that are normalised together",
        value=1.0,
        bound=float(ENTRIES),
        source=SOURCE,
        where=record.site("lone_entry", place),
        module=lone.module,
    )


def _all_masked(record: Record) -> Sign | None:
    made = record.fact(facts.NotFinite)
    if made is None or not made.is_masked:
        return None
    return Ruin(
        certain=True,
        sentence=f"{made.function} is taken over rows in which every entry is masked (-inf): 0/0 is NaN, and so is "
        "the loss before any step was taken. Leave one entry of each row unmasked: mask the keys alone, not the "
        "queries, or by a large negative number",
        quantity="entries that are normalised together",
        value=0.0,
        bound=1.0,
        source="Vaswani et al. 2017, §3.2.3: what is masked is set to -inf at the softmax's input; exp(-inf) = 0",
        where=record.site("not_finite"),
    )


def lone_place(record: Record) -> str:
    """Return which of the normalisations over a single entry is meant: the first one inside the network, or ""."""
    return next((place for place in record.every(facts.LoneEntry) if not _is_output(record, place)), "")


def lone_output(record: Record) -> facts.LoneEntry | None:
    """Return the softmax over a single entry that makes the loss's input; None where there is no such softmax."""
    found = (lone for place, lone in record.every(facts.LoneEntry).items() if _is_output(record, place))
    return next((lone for lone in found if lone.is_softmax), None)


def constant_of(softmax: str) -> int:
    """Return the value of a softmax, a softmin or a log_softmax over a single entry."""
    return 0 if softmax == "log_softmax" else 1


def _is_output(record: Record, place: str) -> bool:
    """Whether it is the softmax in front of the loss, of which `output_loss_mismatch` speaks."""
    site = record.site("lone_entry", place)
    output = record.site("activation", "output")
    return site is not None and output is not None and (site.file, site.line) == (output.file, output.line)
