"""Measure a claim in one condition: tune, then as many seeds as its spread requires, in two rounds."""

import platform
import time

import torch

from descend.claims.claim import Claim, Measured
from descend.claims.estimate import FIRST_SEEDS, Estimate, estimate, seeds_of_second_round
from descend.claims.gallery import claim_names, load_claim
from descend.claims.rows import Row, row_key
from descend.claims.verdict import Judged, with_one_error_rate

Rows = dict[tuple[str, str], Row]


def measure(name: str, condition: str) -> Row:
    """Measure a claim in one condition, with one thread.

    After the first round, more seeds follow unless the answer is certain even if all claims share one error rate.
    """
    torch.set_num_threads(1)
    began = time.perf_counter()
    claim = load_claim(name)
    settings = claim.experiment.prepare(condition)
    measured = [claim.experiment.measure(condition, settings, seed) for seed in range(FIRST_SEEDS)]
    if not _estimate(claim, measured).is_certain:
        seeds = seeds_of_second_round(claim.experiment.scale, claim.expected, [m for m in measured if m])
        measured += [claim.experiment.measure(condition, settings, seed) for seed in range(FIRST_SEEDS, seeds)]
    figures = tuple(each for each in measured if each)
    seconds = round(time.perf_counter() - began, 1)
    key = row_key(name, condition)
    return Row(key, name, condition, settings, figures, len(measured) - len(figures), seconds, machine())


def judge(name: str, rows: Rows) -> Judged:
    """Return the verdict on a claim from the rows of its conditions; conditions without a row are left out."""
    claim = load_claim(name)
    known = {c: rows[name, c].measured for c in claim.conditions if (name, c) in rows}
    return Judged(claim, {condition: _estimate(claim, measured) for condition, measured in known.items()})


def judge_gallery(rows: Rows) -> dict[str, Judged]:
    """Return the verdicts on all claims by name. Their answers share one error rate."""
    names = claim_names()
    return dict(zip(names, with_one_error_rate([judge(name, rows) for name in names])))


def _estimate(claim: Claim, measured: "list[Measured] | tuple[Measured, ...]") -> Estimate:
    return estimate(claim.experiment.scale, claim.expected, [each for each in measured if each])


def machine() -> str:
    """Return what the figures were measured with."""
    return f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"
