"""`descend lab symmetry`: symmetries of hidden units and the loss surface."""

import json
import re
from pathlib import Path

import pytest
from complaints import complaints

SCRIPT = """
import torch
from torch import nn
torch.manual_seed(0)
X = torch.randn(128, 6)
Y = (X[:, 0] * X[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.1), nn.Linear(12, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
for step in range(120):
    rows = slice(32 * (step % 4), 32 * (step % 4) + 32)
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(X[rows]), Y[rows]).backward()
    optimizer.step()
torch.save(net.state_dict(), "weights.pt")
print("trained", optimizer.state_dict()["state"][0]["step"].item())
"""


def write(folder: Path, text: str = SCRIPT) -> str:
    (folder / "train.py").write_text(text)
    return "train.py"


@pytest.mark.slow
def test_the_page_and_the_tables(descend_here, tmp_path) -> None:
    done = descend_here("lab", "symmetry", write(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "symmetry.html"
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()]
    (layer,) = (row for row in rows if row[0] == "0" and row[1] == "12")
    assert layer[2] == "4.8×10⁸" and layer[-1] == "not convex"
    assert next(row for row in rows if row[0] == "relative flatness (Petzka)")[-1] == "the same"
    assert next(row for row in rows if row[0] == "largest eigenvalue")[-1].startswith("×")
    assert {"true labels", "random labels", "random inputs"} <= {row[0] for row in rows}
    assert any(row[-1] == "a local minimum" for row in rows)
    assert next(row for row in rows if row[0] == "held-out cost")[-1].endswith(" of 2")
    page = (tmp_path / "symmetry.html").read_text()
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)[1])
    assert [figure["layout"]["xaxis"]["title"]["text"].split(" (")[0] for figure in figures] == [
        "position on the line from one permutation to the other",
        "number of averaged permutations",
        "scale factor of layer 0",
        "passes over the fixed examples",
    ]
    assert "Measures of sharpness after rescaling" in page and not (tmp_path / "weights.pt").exists()


@pytest.mark.slow
def test_one_question_as_json_at_two_points(descend_here, tmp_path) -> None:
    options = ("--only", "permutation", "--at", "first,last", "--format", "json")
    done = descend_here("lab", "symmetry", *options, write(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[0])["facts"]
    assert [(fact["name"], fact["place"]) for fact in found] == [
        ("point", "first"),
        ("permutations", "first"),
        ("point", "last"),
        ("permutations", "last"),
    ]
    assert all(fact["detail"]["layers"][0]["is_symmetric"] for fact in found[1::2])


@pytest.mark.slow
def test_a_network_without_hidden_units(descend_here, tmp_path) -> None:
    text = SCRIPT.replace("nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.1), nn.Linear(12, 2)", "nn.Linear(6, 2)")
    done = descend_here("lab", "symmetry", "--only", "permutation,sharpness,convexity", write(tmp_path, text))
    assert done.returncode == 0, done.stderr
    assert "no hidden layer found" in done.stdout and "no layer can be rescaled" in done.stdout
    assert "not convex" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--only", "order"),
            "--only must be one of permutation, sharpness, generalisation, labels, convexity, minima, not 'order'",
        ),
        (("--at", "end"), "--at must be first, last or step numbers, such as first,100,last, not 'end'"),
        (("--at", "50", "--steps", "20"), "--at 50 is not reached: only 20 steps are run"),
    ],
)
def test_bad_input_is_one_line(descend_here, tmp_path, arguments, says) -> None:
    done = descend_here("lab", "symmetry", *arguments, write(tmp_path))
    assert done.returncode == 2 and says in done.stderr and len(complaints(done.stderr)) == 1
    assert not (tmp_path / "symmetry.html").exists()
