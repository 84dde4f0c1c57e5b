"""Feature selectors that use the targets of the evaluation, and similar code that does not."""

import json
from pathlib import Path

import pytest

from descend.doctor.catalog.diagnosis import detect
from descend.doctor.codemod.feature_selection import selections_before_split
from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script

HEAD = "import torch\nfrom sklearn.feature_selection import SelectKBest, VarianceThreshold\n"
LOOP = "loss.backward()\n"
SEEN = {
    "train_test_split": "x = SelectKBest(k=5).fit_transform(x, y)\na, b, c, d = train_test_split(x, y)\n",
    "slices": "s = SelectKBest(k=5)\nx = s.fit_transform(x, y)\na, c = x[:80], y[:80]\nb, d = x[80:], y[80:]\n",
    "fit alone": "s = SelectKBest(k=5)\ns.fit(x, y)\nx = s.transform(x)\na, c = y[first], y[second]\n",
    "in a data set": "x = SelectKBest().fit_transform(x, y)\nt = torch.tensor(y)\nd = TensorDataset(x, t)\n"
    "a, b = random_split(d, [80, 20])\n",
}
NOT_SEEN = {
    "after the split": "a, b, c, d = train_test_split(x, y)\ns = SelectKBest(k=5)\na = s.fit_transform(a, c)\n",
    "of a slice": "c = y[:80]\ns = SelectKBest(k=5).fit(x[:80], c)\na, b = s.transform(x[:80]), s.transform(x[80:])\n",
    "without targets": "x = VarianceThreshold().fit_transform(x)\na, b, c, d = train_test_split(x, y)\n",
    "never split": "x = SelectKBest(k=5).fit_transform(x, y)\nd = TensorDataset(x, y)\n",
    "batches in the loop": "x = SelectKBest(k=5).fit_transform(x, y)\n"
    "for i in range(9):\n    net(x[i : i + 8], y[i : i + 8], y[i])\n",
}


def found(tmp_path: Path, body: str) -> list:
    path = tmp_path / "train.py"
    path.write_text(text := f"{HEAD}x, y = load()\n{body}{LOOP}")
    line = text.count("\n")
    record = Record(sites=[Site("backward", "", str(path), line, 0, line, 15)])
    return selections_before_split(Script(path, tmp_path), record)


@pytest.mark.parametrize("case", SEEN)
def test_a_selector_fitted_before_the_split_is_reported_with_its_line(tmp_path, case):
    record = Record()
    record.extend(found(tmp_path, SEEN[case]))
    sign = detect("selection_before_split", record)
    assert sign.certain and "SelectKBest is fitted to all of `y` before the data are split" in sign.sentence
    assert sign.where.line == 3 + next(i for i, line in enumerate(SEEN[case].splitlines(), 1) if ".fit" in line)


@pytest.mark.parametrize("case", NOT_SEEN)
def test_a_selector_without_evaluation_targets_is_not_reported(tmp_path, case):
    assert found(tmp_path, NOT_SEEN[case]) == []


PROGRAM = """
import numpy as np
import torch
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
draws = np.random.default_rng(0)
x, y = draws.normal(size=(240, 2000)), draws.integers(2, size=240)
x = SelectKBest(k=30).fit_transform(x, y)
x_train, x_test, y_train, y_test = (torch.tensor(part) for part in train_test_split(x, y, random_state=0))
x_train, x_test = x_train.float(), x_test.float()
net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    for rows in torch.randperm(len(x_train)).split(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x_train[rows]), y_train[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        right = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch} test accuracy {right:.3f}")
"""


@pytest.mark.slow
@pytest.mark.thorough
def test_a_network_that_predicts_noise_after_selection_has_a_finding(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)
    done = descend_here("doctor", "--seeds", "2", "--format", "json", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert done.returncode == 1 and case["patch"] is None
    assert [finding["symptom"] for finding in case["findings"]] == ["selection_before_split"]
    assert case["findings"][0]["where"]["line"] == 11
