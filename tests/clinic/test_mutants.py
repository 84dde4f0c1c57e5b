"""Consultations on mutants: the mistake or its line is reported, and the patch undoes the harm."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
catalogue = __import__("mutations.catalogue", fromlist=["mutants"])
consulted = __import__("mutations.consulted", fromlist=["consulted"]).consulted
judged = __import__("mutations.judged", fromlist=["HALF"])
sample = __import__("mutations.sample", fromlist=["Subject"])
tables = __import__("mutations.tables", fromlist=["is_right_first"])
Rows = __import__("mutations.rows", fromlist=["Rows"]).Rows
Script = __import__("mutations.script", fromlist=["Script"]).Script

SIX = [
    "blobs_eval_mode/labels_reversed/0",
    "digits_cosine_to_zero/negative_weights/0",
    "linear_regression_gd/rate_that_grows/0",
    "cancer_full_batch_momentum/labels_of_the_neighbour/0",
    "blobs_eval_mode/strong_decay/0",
    "fraud_logistic/labels_turned/0",
]


def subject_of(name: str):
    """Return a mutant of the tuning half."""
    host = next(path for path in sample.hosts_of("tuning") if path.stem == name.partition("/")[0])
    mutant = next(mutant for mutant in catalogue.mutants(Script(host)) if mutant.id == name)
    return sample.Subject("tuning", (mutant,))


@pytest.mark.slow
@pytest.mark.thorough  # `make clinic` runs it
@pytest.mark.parametrize("name", SIX)
def test_a_mistake_is_reported_and_its_harm_undone(tmp_path, monkeypatch, name: str) -> None:
    monkeypatch.setattr(judged, "FRESH", range(5, 6))
    subject = subject_of(name)
    row = consulted(subject, judged.Values(Rows("values", tmp_path)), "--seeds", "2")
    assert tables.is_right_first(subject, row), row
    assert row["given_back"] >= judged.HALF, row
