"""Examples not drawn: the training loop uses only a part of the data, or receives no batch after the first pass.

Training minimises the mean loss over the examples that it draws. If it draws n of N examples, the other N − n have no
effect. The fewer examples, the larger the gap between training loss and test loss. An iterator such as `zip` or `map`
is empty after its first pass, so all later epochs have no steps.
"""

from descend.doctor.assess.drawn_examples import (
    COVERAGE,
    EMPTY,
    FEW,
    SHORT,
    find_exhausted_iterator,
    find_partial_index,
    find_partial_sampler,
    find_short_length,
    uniform_count,
)
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import (
    array_of_short_length,
    break_of_loop,
    exhausted_loop,
    loader_with_sampler,
    rows_of_random_index,
)
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.utils.data.DataLoader: each call of iter() starts a new pass, and an exhausted iterator stays empty"
PROBLEM = Problem(
    id="examples_not_drawn",
    kind="wiring",
    title="a part of the data is never drawn",
    consequences=frozenset({"labels_wrong", "overfitting", "stopped_too_early", "slow_progress"}),
    remedies=(
        RemedyEntry(
            "loop_over_loader",
            exhausted_loop,
            "loop over the data loader instead of its iterator",
            "each pass then starts a new iterator",
            "torch.utils.data.DataLoader",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "leave_out",
            break_of_loop,
            "remove the break in line {line}",
            "each pass then trains on all of its batches",
            "torch.utils.data.DataLoader: one pass over a loader returns each of its batches once",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "length_of_data",
            array_of_short_length,
            "return len(self.{name}) as the length of the data set",
            "the loader then draws each entry",
            "torch.utils.data.Dataset: __len__ returns the number of examples",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "uniform_sampler",
            loader_with_sampler,
            "draw all examples equally often: shuffle=True instead of the sampler",
            "each example is then drawn once in each epoch",
            "torch.utils.data.RandomSampler",
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "draw_all_rows",
            rows_of_random_index,
            "draw the index from all rows of the data",
            "each example may then be drawn",
            "torch.randint: high is one above the largest number that is drawn",
            cost=1,
            judged_on="metric",
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="batches = iter(loader)\nfor epoch in range(10):\n    for inputs, targets in batches:\n        pass",
        fixed="for epoch in range(10):\n    for inputs, targets in loader:\n        pass",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loop over an exhausted iterator, or a sampler or a random index that draws few of the examples.

    The indices that each data loader draws are counted. A subset that the script chooses by its indices is no mistake.
    If the script draws an index of rows itself, the rows of the recorded batches are counted.
    """
    reports = (
        _report_exhausted_iterator,
        _report_loop_left_early,
        _report_short_length,
        _report_partial_sampler,
        _report_partial_index,
    )
    return next((found for report in reports if (found := report(record)) is not None), None)


def _report_loop_left_early(record: Record) -> Detection | None:
    """Report a training loop that always ends in its first iteration."""
    left = record.fact(facts.LeftLoop, "0")
    if left is None:
        return None
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"`break` without a condition ends the loop in line {left.loop} in its first iteration, so each pass "
        "trains on its first batch only",
        quantity="iterations of the training loop",
        value=1.0,
        bound=1.0,
        source="torch.utils.data.DataLoader: one pass over a loader returns each of its batches once",
        where=record.site(SiteKind.LEFT_LOOP, "0"),
    )


def _report_short_length(record: Record) -> Detection | None:
    """Report a data set whose length is far smaller than that of the array whose entries it returns."""
    found = find_short_length(record)
    if found is None:
        return None
    key, short = found
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the length of the data set is {short.length:,}, but its `{short.array}` has {short.entries:,} "
        "entries, of which it returns one for each index, so the loader never draws the others",
        quantity=SHORT.unit,
        value=short.entries / max(1, short.length),
        bound=SHORT,
        source="torch.utils.data.Dataset: __len__ returns the number of examples",
        where=record.site(SiteKind.LENGTH, key) or record.site(SiteKind.LOADER, key),
    )


def _report_partial_index(record: Record) -> Detection | None:
    """Report a random index that reaches only a few of the rows."""
    found = find_partial_index(record)
    if found is None:
        return None
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the recorded batches take {found.draws:,} rows of a tensor with {found.of:,} rows by a random "
        f"index, but only {found.distinct:,} different ones, so the network learns from a small part of the data",
        quantity="rows that were taken repeatedly / all draws",
        value=1 - found.distinct / found.draws,
        bound=FEW,
        source=COVERAGE,
        where=record.site(SiteKind.TAKEN_ROWS, "draw") or record.site(SiteKind.TAKEN_ROWS, "drawn"),
    )


def _report_exhausted_iterator(record: Record) -> Detection | None:
    """Report loops that receive no batch, because an earlier loop has exhausted their iterator."""
    found = find_exhausted_iterator(record)
    if found is None:
        return None
    key, drawn = found
    return FatalDetection(
        certain=True,
        sentence=f"at least {drawn.empty} loops over the data received no batch: they use an iterator that an "
        f"earlier loop has exhausted, so training ends after {drawn.passes} pass{'es' * (drawn.passes != 1)}",
        quantity="loops without a batch",
        value=drawn.empty,
        bound=EMPTY,
        source=SOURCE,
        where=record.site(SiteKind.EXHAUSTED, key) or record.site(SiteKind.LOADER, key),
    )


def _report_partial_sampler(record: Record) -> Detection | None:
    """Report a sampler that draws far fewer different examples than a uniform one."""
    found = find_partial_sampler(record)
    if found is None:
        return None
    key, drawn = found
    uniform = uniform_count(drawn)
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"the data loader drew {drawn.draws:,} examples, but only {drawn.distinct:,} different ones of "
        f"{drawn.examples:,} (a uniform sampler draws about {uniform:,.0f} different ones), so the network learns "
        "from a small part of the data",
        quantity=FEW.unit,
        value=drawn.distinct / uniform,
        bound=FEW,
        source=COVERAGE,
        where=record.site(SiteKind.LOADER, key),
    )
