"""No batch: the training loop is never entered, so no gradient is computed and no step is taken.

Without a batch there is no loss, no gradient and no step. After any number of epochs, the weights are the initial ones.
Usual causes are `drop_last=True` with fewer examples than one batch, an empty list of files, and an iterator that has
already been used.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.run_names import EndReason
from descend.doctor.symptoms.problem import CodeExample, Problem

SOURCE = "torch.utils.data.DataLoader: drop_last=True drops the last batch if it is smaller than batch_size"

PROBLEM = Problem(
    id="no_batch",
    kind="wiring",
    title="the training loop receives no batch",
    advice="Print the length of the dataset and of the object that the loop iterates over. With drop_last=True, the "
    "batch size must not exceed the number of examples.",
    example=CodeExample(
        faulty=(
            "# The dataset has 500 examples, less than a batch.\n"
            "loader = DataLoader(dataset, batch_size=1024, drop_last=True)"
        ),
        fixed="loader = DataLoader(dataset, batch_size=64, drop_last=True)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a script that creates an optimizer but no gradients, because its loop or its data loader is empty."""
    passes = record.fact(facts.BackwardPasses)
    has_ended = record.ending is not None and record.ending.reason == EndReason.FINISHED
    if not has_ended or record.steps or passes is None or passes.backward or not record.every(facts.Optimizer):
        return None
    return _report_empty_loader(record) or _report_unentered_loop(record)


def _report_empty_loader(record: Record) -> Detection | None:
    """Report a data loader that returns no batch."""
    for key, loader in record.every(facts.Loader).items():
        if loader.batches != 0:
            continue
        examples = f"{loader.examples} example{'' if loader.examples == 1 else 's'}"
        dropped = loader.drop_last and loader.examples
        why = f", and drop_last=True drops the only batch, of {examples}" if dropped else ""
        return FatalDetection(
            certain=True,
            sentence=f"the DataLoader has {examples} and batch_size={loader.batch_size}{why}: it returns no batch, so "
            "backward() is never called and the parameters keep their initial values. "
            + ("Choose a smaller batch_size or drop_last=False" if dropped else "Check what fills its dataset"),
            quantity="batches of the DataLoader",
            value=0.0,
            bound=1.0,
            source=SOURCE,
            where=record.site(SiteKind.LOADER, key),
        )
    return None


def _report_unentered_loop(record: Record) -> Detection | None:
    """Report a training loop that is never entered."""
    loop, where = record.fact(facts.UnenteredLoop), record.site(SiteKind.UNENTERED_LOOP)
    if loop is None or where is None:
        return None
    return FatalDetection(
        certain=True,
        sentence=f"the loop `{loop.header}` is never entered, so backward() in line {loop.backward} is never called "
        "and the parameters keep their initial values. Check the number of batches and epochs",
        quantity="passes of the loop",
        value=0.0,
        bound=1.0,
        source=SOURCE,
        where=where,
    )
