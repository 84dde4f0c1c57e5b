"""The curves of compared runs: the metric over the steps or, if it is logged only at the end, the training loss."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from descend.core.bound import Count
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ComparedRun
from descend.doctor.record import Series
from descend.doctor.report.formatting import count, one_line, sentence

BLOCKS = Count(60, "points of a loss curve", "chosen: a mean over a sixtieth of the run hides the noise of the batches")


@dataclass(frozen=True)
class RunCurves:
    """What is drawn of compared runs."""

    title: str
    remark: str  # a sentence that says why the metric is not drawn; "" if it is
    is_metric: bool
    bundles: tuple[list[Series], ...]  # a curve for each run of each group; some may be empty

    @property
    def values(self) -> list[float]:
        """All values of all curves."""
        return [value for bundle in self.bundles for curve in bundle for value in curve.values]


def run_curves(groups: Sequence[Sequence[ComparedRun]], metric: ComparedMetric) -> RunCurves:
    """Return the curves of groups of runs. Losses are averaged over short blocks of steps."""
    runs = [run for group in groups for run in group]
    name = one_line(metric.name)
    if any(len(run.curve) > 1 for run in runs) or not any(len(run.loss) > 1 for run in runs):
        bundles = tuple([run.curve for run in group] for group in groups)
        return RunCurves(sentence(name).rstrip("."), "", is_metric=True, bundles=bundles)
    size = ceil(max(len(run.loss) for run in runs) / BLOCKS)
    bundles = tuple([block_means(run.loss, size) for run in group] for group in groups)
    averaged = f" The loss is averaged over about {count(size, 'step')}." if size > 1 else ""
    remark = f" The script logs {name} only once.{averaged}"
    return RunCurves("Training loss", remark, is_metric=False, bundles=bundles)


def block_means(series: Series, size: int) -> Series:
    """Return the mean of each block of about `size` consecutive values, at the last step of the block."""
    if not len(series):
        return series
    blocks = ceil(len(series) / size)
    ends = [(index * len(series)) // blocks for index in range(blocks + 1)]
    # A diverging loss may overflow, which `statistics.fmean` does not allow.
    means = tuple(sum(series.values[start:end]) / (end - start) for start, end in zip(ends, ends[1:]))
    return Series(tuple(series.steps[end - 1] for end in ends[1:]), means)
