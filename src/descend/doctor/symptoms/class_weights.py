"""Class weights: the loss or the sampler gives larger weights to frequent classes, or the loss ignores a real class.

With the weight w for a class of n examples, the share of this class in the loss is proportional to w·n. Weights
proportional to 1/n make all shares equal. Weights proportional to n make the shares proportional to n².

Each example should count as much as the loss states. Weights against rare classes are proportional to 1 / frequency; if
they are inverted, rare classes count even less than without weights. `ignore_index` is meant for padding.
"""

from descend.doctor.assess.class_weights import GROWS, SCATTERED, find_growing_weights, find_ignored_class, weight_ratio
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.losses import counted_class, growing_weights
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "King & Zeng 2001, eq. 7: the weight of a class is its share in the population / its share in the sample"
IGNORED = "torch.nn.CrossEntropyLoss: targets equal to ignore_index do not contribute to the gradient"
PROBLEM = Problem(
    id="class_weights",
    kind="wiring",
    title="the weights of the classes are inverted, or a class has no weight",
    consequences=frozenset({"slow_progress", "plateau", "stopped_too_early", "wrong_objective", "unreadable"}),
    remedies=(
        RemedyEntry(
            "invert_weights",
            growing_weights,
            "invert the weights of the classes ({argument})",
            "rare classes then count more than frequent ones",
            SOURCE,
            cost=1,
            judged_on="metric",
        ),
        RemedyEntry(
            "call_argument",
            counted_class,
            "count class {ignored} in the loss: {keyword}={value}",
            "the network then learns this class",
            IGNORED,
            cost=1,
            judged_on="metric",
        ),
    ),
    example=CodeExample(
        faulty="counts = torch.bincount(targets)\n"
        "loss = F.cross_entropy(outputs, targets, weight=counts / counts.sum())",
        fixed="counts = torch.bincount(targets)\n"
        "loss = F.cross_entropy(outputs, targets, weight=counts.sum() / counts)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report weights that are larger for frequent classes, or an ignored class whose targets are no padding.

    For a loss, the targets of the fixed examples are counted; for a sampler, all labels of its data set. Padding is
    recognised because its targets follow each other.
    """
    return _report_growing_weights(record) or _report_ignored_class(record)


def _report_growing_weights(record: Record) -> Detection | None:
    """Report weights of the classes that are larger for frequent classes."""
    found = find_growing_weights(record)
    if found is None:
        return None
    key, weights = found
    most, least = (choose(range(len(weights.counts)), key=weights.counts.__getitem__) for choose in (max, min))
    of_what = "sampler" if weights.argument == "sampler" else f"loss ({weights.argument})"
    return Detection(
        certain=False,
        likely=True,
        sentence=f"the {of_what} gives larger weights to frequent classes: {weights.weights[most]:.3g} to the most "
        f"frequent one ({weights.counts[most]:,} targets), {weights.weights[least]:.3g} to the rarest one "
        f"({weights.counts[least]:,}), so that rare classes count even less than without weights",
        quantity=GROWS.unit,
        value=weight_ratio(weights),
        bound=GROWS,
        source=SOURCE,
        where=record.site(SiteKind.CLASS_WEIGHTS, key) or record.site(SiteKind.LOADER, key),
    )


def _report_ignored_class(record: Record) -> Detection | None:
    """Report a class that the loss ignores, although its targets are spread among the others."""
    found = find_ignored_class(record)
    if found is None:
        return None
    return Detection(
        certain=False,  # A class may be ignored on purpose, for example a class for targets without a label.
        sentence=f"the loss ignores class {found.index} (ignore_index): {found.ignored:,} of {found.targets:,} "
        "targets, which are spread among the other targets, unlike padding, so the network does not learn this class",
        quantity=SCATTERED.unit,
        value=found.following * found.targets / found.ignored**2,
        bound=SCATTERED,
        source=IGNORED,
        where=record.site(SiteKind.CLASS_WEIGHTS, "loss"),
    )
