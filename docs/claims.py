"""Write the pages of the claims, with their pictures, from the measurements that come with descend.

`descend claims --all --resume --store DIR` measures what has changed; its `claims.jsonl` then replaces the file that
comes with descend.
"""

import json
import math
import re
from html import escape
from pathlib import Path

from descend.claims.campaign import places_of, stored_rows
from descend.claims.claim import Claim, Scale
from descend.claims.estimate import Answer, Estimate
from descend.claims.gallery import claim_names
from descend.claims.listing import SHIPPED as VERDICTS
from descend.claims.measure import Rows, judge_gallery
from descend.claims.report import (
    answer_text,
    as_json,
    figure_text,
    range_text,
    refuting_text,
    seeds_message,
    settings_text,
)
from descend.claims.rows import SHIPPED
from descend.claims.tasks import TASKS, Build
from descend.claims.training import Recipe
from descend.claims.verdict import Judged, Verdict
from descend.doctor.report.formatting import count, duration, number

ROOT = Path(__file__).parents[1]
FOLDER, INDEX = ROOT / "docs" / "claims", ROOT / "benchmarks" / "CLAIMS.md"
COLOURS = {Answer.HOLDS: "#1a7f4b", Answer.FAILS: "#c0392b", Answer.UNDECIDED: "#8a6d1b"}
GUIDE = ROOT / "docs" / "choosing.md"
BLOCK = re.compile(r"(<!-- output: choosing -->\n).*?(<!-- end -->)", re.DOTALL)
ABOUT_OPTIMIZERS = (
    *("tuned-sgd-matches-adam", "momentum-helps", "momentum-never-hurts", "adaptive-for-sparse-features"),
    *("adagrad-slows-down", "adam-outperforms-rmsprop", "bias-correction-helps-adam", "beta2-of-0-9-helps-adam"),
    *("adam-with-restarts-is-faster", "adam-with-restarts-outperforms-sgd", "restarts-are-faster"),
)
NAMES = {
    "sgd": "SGD",
    "adam": "Adam",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "hogwild": "Hogwild!",
    "xavier": "Xavier",
    "relu": "ReLU",
    "beta2": "β₂",
}
INFINITE = " ∞: in the median run, the first side did not reach this loss."
LEFT, PLOT, ROW, TOP = 190, 420, 30, 14  # pixels
MARGIN = 0.08  # of the axis, at both ends
METHOD = """\
## How they are measured

- Each side of a comparison gets its own learning rate: the best of at most eight, each on two seeds that do not count.
  The search continues beyond the first values if the best one is at the edge. Claims about one learning rate say so.
- Seven seeds come first. If the answer is not certain, more follow: as many as make the interval half as wide as the
  smallest relevant difference, at most 30.
- Ratios of losses are compared in pairs with the same seed, by Student's t-test of their logarithm. Steps to a loss are
  compared by the sign test of their median. A run that does not reach the loss counts as infinitely long.
- The ratio of one seed counts as at most 100 and at least 1/100, so a figure of 100 means 100 or more.
- Each page says with which figures its claim *holds* and with which it *does not hold*. The two ranges overlap, because
  an effect of less than 5 % does not matter for most claims: "the loss is lower" holds if the ratio is certainly below
  1, and does not hold if it is certainly above 0.95. If both are certain, it holds.
- *Certainly*: all answers share one error rate of 5 % (Holm 1979). The printed intervals are those of a single claim
  (two rounds of seeds, 97 % each), so an interval can lie within the range of a claim that is undecided. The page then
  says what the answer would be without the other claims, such as *undecided (alone: holds)*.
- The data are small, and a network trains in about a second, so a claim may hold for larger networks and not here, or
  the other way round.
- That a mixed layout of processes wins over a slow link (Optimization for Training Deep Models 2018, Hybrid data and
  model parallelism) is measured with real processes in [PARALLEL.md](PARALLEL.md#a-narrow-link).
"""


def judged_claims() -> tuple[dict[str, Judged], Rows]:
    """Return all claims with their verdicts, which share one error rate, and the measurements."""
    rows = stored_rows(SHIPPED, places_of(claim_names()))
    return judge_gallery(rows), rows


class Axis:
    """The horizontal axis of a picture: logarithmic for ratios, linear for values."""

    def __init__(self, claim: Claim, found: list[Estimate]) -> None:
        self._is_log = claim.experiment.scale != Scale.VALUE
        shown = [value for one in found for value in (one.centre, one.low, one.high)]
        shown += [claim.expected.low, claim.expected.high, *([1.0] if self._is_log else [])]
        known = [self._scaled(value) for value in shown if math.isfinite(value) and (value > 0 or not self._is_log)]
        low, high = min(known), max(known)
        pad = MARGIN * (high - low) or 0.5
        self._low, self._high = low - pad, high + pad

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self._is_log else value

    def position(self, value: float) -> float:
        """Return the horizontal position of a value in pixels, at most that of the axis's end."""
        if self._is_log and value <= 0 or value == -math.inf:
            return LEFT
        share = 1.0 if value == math.inf else (self._scaled(value) - self._low) / (self._high - self._low)
        return LEFT + PLOT * min(max(share, 0.0), 1.0)

    @property
    def ticks(self) -> list[float]:
        """Four to eight round values on the axis."""
        if not self._is_log:
            step = 10 ** math.floor(math.log10((self._high - self._low) / 2))
            step *= next(m for m in (1, 2, 5, 10) if (self._high - self._low) / (m * step) <= 6)
            return [step * i for i in range(math.ceil(self._low / step), math.floor(self._high / step) + 1)]
        decades = self._high - self._low
        multiples = (1, 2, 5) if decades < 2.5 else (1,)
        if decades < 0.5:
            multiples = (0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 2, 3, 4, 5)
        every = max(1, math.ceil(decades / 6))
        powers = range(math.floor(self._low), math.ceil(self._high) + 1, every)
        values = sorted({m * 10**p for p in powers for m in multiples})
        return [value for value in values if self._low <= math.log10(value) <= self._high]


def picture(one: Judged) -> str:
    """Return the figures of all conditions with their intervals as SVG. The expected range is green."""
    claim, found = one.claim, list(one.estimates.values())
    axis, bottom = Axis(claim, found), TOP + ROW * len(found)
    low, high = axis.position(claim.expected.low), axis.position(claim.expected.high)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + PLOT + 20} {bottom + 52}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(claim.figure)}</title>',
        '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>',
        f'<rect x="{low:.1f}" y="{TOP}" width="{high - low:.1f}" height="{bottom - TOP}" fill="#dff2e6"/>',
    ]
    for tick in axis.ticks:
        x = axis.position(tick)
        parts.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#d0d4d8"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#444">{number(tick)}</text>')
    for index, (condition, estimate) in enumerate(one.estimates.items()):
        y, colour = TOP + ROW * (index + 0.5), COLOURS[estimate.answer]
        ends = [axis.position(value) for value in (estimate.low, estimate.high)]
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end" fill="#222">{escape(condition)}</text>')
        parts.append(f'<path d="M{ends[0]:.1f} {y}H{ends[1]:.1f}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<circle cx="{axis.position(estimate.centre):.1f}" cy="{y}" r="5" fill="{colour}"/>')
    label = f"{claim.figure} (green: expected)"
    middle = (LEFT + PLOT + 20) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 40}" text-anchor="middle" fill="#222">{escape(label)}</text></svg>')
    return "\n".join(parts) + "\n"


def page(name: str, one: Judged, rows: Rows) -> str:
    """Return the page of one claim."""
    claim = one.claim
    lines = [f"# {title(name)}", "", claim.sentence, ""]
    lines += [f"**{verdict_text(one)}** {seeds_message(one)}".rstrip(), ""]
    if one.estimates:
        lines += [f"![{claim.figure}]({name}.svg)", ""]
        lines += ["| condition | figure (interval) | seeds | answer | tuned learning rates |", "|---" * 5 + "|"]
        for condition, found in one.estimates.items():
            row = rows[name, condition]
            left_out = f", {row.without_figure} without a figure" if row.without_figure else ""
            tuned = settings_text(row.settings)
            cells = (condition, figure_text(found), f"{found.seeds}{left_out}", answer_text(claim, found), tuned)
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    lines += [
        f"- **Figure:** {claim.figure}.{INFINITE if claim.experiment.scale == Scale.STEPS else ''}",
        f"- **Holds** if the figure is certainly {range_text(claim)}.",
        f"- **Does not hold** if the figure is certainly {refuting_text(claim)}: {claim.refuted_by}.",
        f"- **Source:** {claim.source}.",
        *([f"- **Note:** {claim.caution}"] if claim.caution else []),
        f"- **Measure it:** `descend claims {name}`. The experiment: "
        f"[`{name.replace('-', '_')}.py`](../../src/descend/claims/gallery/{name.replace('-', '_')}.py).",
        "",
        "How claims are measured, what the data are, and all other claims: "
        "[benchmarks/CLAIMS.md](../../benchmarks/CLAIMS.md).",
    ]
    return "\n".join(lines) + "\n"


def data() -> list[str]:
    """Return the table of the data with their networks."""
    lines = [
        f"A training has this many steps with {Recipe().batch_size} examples each, unless the claim says otherwise.",
        "",
        "| name | what the network learns | weights | steps | code |",
        "|---|---|---|---|---|",
    ]
    for name, task in TASKS.items():
        weights = sum(weight.numel() for weight in task.network(Build()).parameters())
        code = f"[`{name}.py`](../src/descend/claims/tasks/{name}.py)"
        lines.append(f"| {name} | {task.about} | {number(weights)} | {number(task.steps)} | {code} |")
    return lines


def title(name: str) -> str:
    """Return the name of a claim as a heading."""
    first, *rest = name.replace("-0-9-", "-0.9-").split("-")
    return " ".join([NAMES.get(first, first.capitalize()), *(NAMES.get(word, word) for word in rest)])


def verdict_text(one: Judged) -> str:
    """Return the verdict as a sentence."""
    return f"{one.message[0].upper()}{one.message[1:]}."


def index(judged: dict[str, Judged], rows: Rows) -> str:
    """Return the page with all claims."""
    measured = [one for one in judged.values() if one.estimates]
    numbers = {verdict: sum(one.verdict == verdict for one in measured) for verdict in Verdict}
    seconds = sum(row.seconds for row in rows.values())
    machines = sorted({row.machine for row in rows.values()})
    lines = [
        "# What the texts claim, measured",
        "",
        "    descend claims NAME              # one claim",
        "    descend claims --all --resume    # all that are not measured yet, or have changed since",
        "    python docs/claims.py            # this page, and one for each claim",
        "",
        f"{len(measured)} of {len(judged)} claims are measured: {numbers[Verdict.HOLDS]} hold, "
        f"{numbers[Verdict.PARTLY]} hold in some conditions only, {numbers[Verdict.FAILS]} do not hold "
        f"here, {numbers[Verdict.UNDECIDED]} are undecided.",
        f"Together the measurements take {duration(seconds)} on one core ({', '.join(machines)}).",
        "",
        METHOD,
        "## The data",
        "",
        *data(),
        "",
        "## All claims",
        "",
        "| claim | figure | holds if | measured | verdict |",
        "|---|---|---|---|---|",
    ]
    for name, one in judged.items():
        figures = "; ".join(f"{condition} {number(found.centre)}" for condition, found in one.estimates.items())
        cells = (one.claim.figure, range_text(one.claim), figures, verdict_text(one).rstrip("."))
        lines.append(f"| [{title(name)}](../docs/claims/{name}.md) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def choosing(judged: dict[str, Judged]) -> str:
    """Return the table of the claims about optimizers."""
    lines = ["| figure | holds if | on the data | verdict |", "|---|---|---|---|"]
    for name in ABOUT_OPTIMIZERS:
        one = judged[name]
        figures = ", ".join(f"{condition} {figure_text(found)}" for condition, found in one.estimates.items())
        verdict = verdict_text(one).rstrip(".")
        cells = (range_text(one.claim), figures, verdict)
        lines.append(f"| [{one.claim.figure}](claims/{name}.md) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def verdicts(judged: dict[str, Judged], rows: Rows) -> str:
    """Return the list of claims that `descend claims` prints, as JSON with one line for each claim."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in as_json(judged, rows))
    return f"[\n{lines}\n]\n"


def write() -> None:
    """Write all pages and pictures."""
    FOLDER.mkdir(exist_ok=True)
    judged, rows = judged_claims()
    for name, one in judged.items():
        (FOLDER / f"{name}.md").write_text(page(name, one, rows), encoding="utf-8")
        if one.estimates:
            (FOLDER / f"{name}.svg").write_text(picture(one), encoding="utf-8")
    INDEX.write_text(index(judged, rows), encoding="utf-8")
    guide = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(BLOCK.sub(lambda m: m[1] + choosing(judged) + m[2], guide), encoding="utf-8")
    VERDICTS.write_text(verdicts(judged, rows), encoding="utf-8")
    print(f"{count(len(judged), 'page')} in {FOLDER}")


if __name__ == "__main__":
    write()
