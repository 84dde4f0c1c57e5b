"""The verdicts on claims as text for the terminal, and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any

from rich.console import RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.claims.claim import Claim, Scale, Settings
from descend.claims.estimate import Answer, Estimate, answer_of
from descend.claims.listing import STYLES
from descend.claims.measure import Rows
from descend.claims.verdict import Judged, Verdict
from descend.doctor.report.console import WIDEST, Row, report_table
from descend.doctor.report.formatting import count, interval, number

ONLY_SIDE = "lr"  # the key of the learning rate that both sides share
ANSWERS = {Answer.HOLDS: "green", Answer.FAILS: "red", Answer.UNDECIDED: "yellow"}


def figure_text(found: Estimate) -> str:
    """Return a figure with its interval, such as `0.41 (0.38 to 0.45)`."""
    within = interval(found.low, found.high)
    return f"{number(found.centre)} ({within})" if within else number(found.centre)


def settings_text(settings: Settings) -> str:
    """Return the tuned learning rates, such as `lr 0.03 (0.001 to 1 tried)`; "" without any."""
    texts = []
    for side, one in settings.items():
        which = "" if side == ONLY_SIDE else f"{side} "
        texts.append(f"{which}lr {number(one.lr)} ({number(one.low)} to {number(one.high)} tried)")
    return ", ".join(texts)


def answer_text(claim: Claim, found: Estimate) -> str:
    """Return the answer for a condition. An answer that is lost among the tests of all claims is in brackets."""
    alone = answer_of(claim.expected, found.low, found.high)
    return str(found.answer) if found.answer == alone else f"{found.answer} (alone: {alone})"


def refuting_text(claim: Claim) -> str:
    """Return with which figures a claim does not hold, such as `above 0.95`."""
    least, most = claim.expected.refuting
    if isfinite(least) and isfinite(most):
        return f"below {least:.3g} or above {most:.3g}"
    return f"below {least:.3g}" if isfinite(least) else f"above {most:.3g}"


def seeds_message(judged: Judged) -> str:
    """Return how many seeds would decide; "" if the claim is decided."""
    if judged.verdict != Verdict.UNDECIDED or not judged.estimates:
        return ""
    if judged.more_seeds is None:
        return "The number of seeds that would decide cannot be predicted."
    return f"About {count(judged.more_seeds, 'further seed')} would decide."


def claim_report(name: str, judged: Judged, rows: Rows) -> RenderableType:
    """Return all about one claim: the sentence, what would refute it, the figures and the verdict."""
    claim = judged.claim
    parts: list[Row] = [
        ("claim", Text(f"{claim.sentence}  [{name}]")),
        ("source", Text(claim.source, "dim")),
        ("figure", Text(claim.figure)),
        ("holds if", Text(f"certainly {range_text(claim)}")),
        ("wrong if", Text(f"certainly {refuting_text(claim)}: {claim.refuted_by}")),
    ]
    if judged.estimates:
        parts.append(("measured", _figures(name, judged, rows)))
    seeds = seeds_message(judged)
    verdict = judged.message if judged.estimates else f"{judged.message}: descend claims {name}"
    parts.append(("verdict", Text(verdict + (f". {seeds}" if seeds else ""), STYLES[str(judged.verdict)])))
    if claim.caution:
        parts.append(("note", Text(claim.caution, "dim")))
    return Constrain(report_table(parts), WIDEST)


def range_text(claim: Claim) -> str:
    """Return with which figures a claim holds, such as `below 0.5 for at least one of them`."""
    quantifier = "" if claim.holds_for == "all" or len(claim.conditions) == 1 else " in at least one of the conditions"
    return f"{claim.expected}{quantifier}"


def as_json(judged: Mapping[str, Judged], rows: Rows) -> list[dict[str, Any]]:
    """Return the claims, their figures and verdicts as JSON values."""
    return [_claim_as_json(name, one, rows) for name, one in judged.items()]


def _claim_as_json(name: str, judged: Judged, rows: Rows) -> dict[str, Any]:
    """Return one claim as JSON values; an unknown or infinite number is null."""
    claim = judged.claim
    figures = [
        {
            "condition": condition,
            "figure": _finite(found.centre),
            "interval": [_finite(found.low), _finite(found.high)],
            "seeds": found.seeds,
            "p_value": found.p_value,
            "answer": str(found.answer),
            "settings": {side: asdict(one) for side, one in rows[name, condition].settings.items()},
        }
        for condition, found in judged.estimates.items()
    ]
    return {
        "claim": name,
        "sentence": claim.sentence,
        "source": claim.source,
        "refuted_by": claim.refuted_by,
        "figure": claim.figure,
        "scale": str(claim.experiment.scale),
        "holds": [_finite(claim.expected.low), _finite(claim.expected.high)],
        "holds_for": claim.holds_for,
        "verdict": str(judged.verdict) if judged.estimates else None,
        "message": judged.message,
        "further_seeds": judged.more_seeds,
        "conditions": figures,
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _figures(name: str, judged: Judged, rows: Rows) -> Table:
    """Return the figures of all conditions as a table."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    median = ", median" if judged.claim.experiment.scale == Scale.STEPS else ""
    for condition, found in judged.estimates.items():
        row = rows[name, condition]
        table.add_row(
            condition,
            Text(figure_text(found)),
            f"{count(found.seeds, 'seed')}{median}",
            Text(answer_text(judged.claim, found), ANSWERS[found.answer]),
            Text(settings_text(row.settings), "dim"),
        )
    return table
