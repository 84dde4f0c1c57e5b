from dataclasses import replace

import numpy as np
import pytest
import torch
from record_facts import INPUTS
from sklearn.model_selection import train_test_split

from descend.doctor.record import Fact
from descend.doctor.remedies.standardise_data import standardise_data

SPLIT = "a, b, y, z = train_test_split(x, t)\n"
LINES = "mean, std = a.mean(0), a.std(0)\na, b = (a - mean) / std, (b - mean) / std\n"


def edited(patient, text: str, **known: object) -> str:
    p = patient(text)
    p.record.add(Fact.of(replace(INPUTS, **known), 0))
    return p.edited(standardise_data)


def test_two_lines_are_inserted_below_the_split(patient) -> None:
    assert edited(patient, SPLIT + "go(a)\n") == SPLIT + LINES + "go(a)\n"
    text = "def load():\n    " + SPLIT + "    return a, b\n"
    indented = LINES.replace("a, b =", "    a, b =")
    assert edited(patient, text) == "def load():\n    " + SPLIT + "    " + indented + "    return a, b\n"


def test_a_feature_that_never_changes_is_divided_by_one(patient) -> None:
    assert "std[std == 0] = 1  # features that never change\n" in edited(patient, SPLIT, constant_features=1)


def test_names_that_are_taken_are_replaced(patient) -> None:
    assert "mean_2, std = a.mean(0), a.std(0)\n" in edited(patient, "mean = 1\n" + SPLIT)
    assert "\nmean, std = a.mean(0), a.std(0)\n" in edited(patient, "log(y.mean())\n" + SPLIT)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_both_parts_are_scaled_by_the_training_part(patient, kind) -> None:
    x = kind(np.random.default_rng(0).normal(5, 3, (60, 3)))
    names = {"x": x, "t": np.arange(60), "train_test_split": train_test_split}
    exec(edited(patient, SPLIT.replace("(x, t)", "(x, t, random_state=0)")), names)
    train, test, *_ = train_test_split(x, random_state=0)
    assert abs(float(names["a"].mean())) < 1e-6 and float(names["a"].std(0)[0]) == pytest.approx(1)
    assert names["b"][0][1] == pytest.approx((test[0][1] - train[:, 1].mean()) / train[:, 1].std())


@pytest.mark.parametrize(
    ("text", "known", "reason"),
    [
        (SPLIT + "plot(x)\n", {}, "line 2 still uses `x`"),
        (SPLIT + SPLIT, {}, "by a single call"),
        ("go(x)\n", {}, "not split"),
        ("parts = train_test_split(x, t)\n", {}, "to a variable"),
        ("a, b = train_test_split(x)\n", {}, "single array"),
        (SPLIT, {"shape": (32, 1, 8, 8)}, "the call of the model"),
        (SPLIT, {"finite": False}, "no NumPy or PyTorch array of them was found"),
    ],
)
def test_refusals_say_why(patient, text: str, known: dict[str, object], reason: str) -> None:
    p = patient(text)
    p.record.add(Fact.of(replace(INPUTS, **known), 0))
    assert reason in p.refusal(standardise_data)
