"""`descend lab`: pages about schedules and activations, and one-line errors for wrong requests."""

import json
import re

import pytest
from complaints import complaints


def figures(page) -> list:
    text = page.read_text()
    return json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])


def test_schedules_are_drawn_and_printed(descend_here, tmp_path):
    done = descend_here("lab", "schedule", "Linear(10)", "Step(4, 0.5)", "--lr", "0.2", "--steps", "11")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "schedule.html"
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["0", "0.2", "0.2"] in rows and ["5", "0.1", "0.1"] in rows and ["10", "0", "0.05"] in rows
    [panel] = figures(tmp_path / "schedule.html")
    assert panel["data"][0]["y"] == pytest.approx([0.2 * (1 - t / 10) for t in range(11)])
    assert [trace["name"] for trace in panel["data"]] == ["Linear(10)", "Step(4, 0.5)"]


def test_show_is_the_same_command_as_lab(descend_here):
    for name in ("lab", "show"):
        assert descend_here(name, "schedule", "Linear(10)").stdout.splitlines()[-1] == "schedule.html"


def test_the_help_lists_lab_once_and_not_its_old_name(descend_here):
    names = [line.split()[1] for line in descend_here("--help").stdout.splitlines() if line.startswith("│ ")]
    assert names.count("lab") == 1 and "show" not in names


@pytest.mark.parametrize(
    ("expression", "last"),
    [
        ("Cosine(200).after_warmup(50)", 271),
        ("WarmRestarts(10, 2)", 151),
        ("Noam(512, 100)", 401),
        ("Linear(100).rewarmed(200, 20)", 260),
        ("Constant()", 1000),
    ],
)
def test_the_default_steps_show_the_whole_schedule(descend_here, tmp_path, expression, last):
    assert descend_here("lab", "schedule", expression).returncode == 0
    assert figures(tmp_path / "schedule.html")[0]["data"][0]["x"][-1] == last - 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["schedule", "Cosin(3)"], "no schedule is called Cosin; the schedules are: Constant, Cosine,"),
        (["schedule", "Cosine(0)"], "Cosine: total_steps must be at least 1, not 0"),
        (["schedule", "Cosine()"], "missing 1 required positional argument: 'total_steps'"),
        (["schedule", "Cosine(10"], "'Cosine(10' is not a Python expression"),
        (["schedule", "0.1"], "0.1 is not a schedule"),
        (["schedule", "Cosine(9)", "--steps", "1"], "--steps must be a whole number from 2 to 1000000, not 1"),
        (["schedule", *["Cosine(9)"] * 5], "at most 4 schedules fit into one picture, not 5"),
        (["schedule", "Cosine(9)", "-o", "/proc/no/s.html"], "cannot write /proc/no/s.html"),
        (["activations", "--activation", "gelu"], "--activation must be tanh or relu, not gelu"),
        (["activations", "--input", "64"], "--input is the shape of one input of MODEL, but no MODEL was given"),
        (["schedule", "Linear(10)", "--lr", "nan"], "--lr must be a number from 1e-12 to 1e+12, not nan"),
    ],
)
def test_a_wrong_request_is_one_line(descend_here, tmp_path, arguments, says):
    done = descend_here("lab", *arguments)
    assert done.returncode == 2 and says in done.stderr and len(complaints(done.stderr)) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_activations_by_initialiser(descend_here, tmp_path):
    done = descend_here("lab", "activations", "--depth", "4", "--activation", "tanh")
    assert done.returncode == 0, done.stderr
    shrinking, saturated = (
        next(row for row in done.stdout.splitlines() if name in row) for name in ("0.01", "normal 1")
    )
    assert shrinking.split()[-2:] == ["0%", "saturated"] and int(saturated.split()[-2].rstrip("%")) > 80
    spread, *distributions = figures(tmp_path / "activations.html")
    assert len(spread["data"]) == len(distributions) == 6 and len(distributions[0]["data"]) == 4
    assert spread["layout"]["yaxis"]["type"] == "log"  # so that zeros do not flatten the other curves
    assert next(row for row in done.stdout.splitlines() if "zeros" in row).split()[2:5] == ["0", "0", "0"]


MODELS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(144, 5)
        nn.init.zeros_(self.head.weight)

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)).flatten(1))

ready = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 2))
width = 3

def make(width):
    return Net()

def nothing():
    return 1

def plain():
    return nn.Identity()
"""


def test_activations_of_a_given_model(descend_here, tmp_path):
    (tmp_path / "mine.py").write_text(MODELS)
    done = descend_here("lab", "activations", "mine.py:Net", "--input", "3,8,8")
    assert done.returncode == 0, done.stderr
    rows = {" ".join(row.split()[1:-4]): row.split()[-4:] for row in done.stdout.splitlines() if "mine.py" in row}
    assert list(rows) == ["as it is", "zeros", "normal 0.01", "xavier fan-in", "xavier", "kaiming"]
    assert all((float(first) > 0) is (name != "zeros") for name, (first, *_) in rows.items())
    assert all(ends == "zeros" for *_, ends in rows.values())
    assert float(rows["as it is"][1]) < 0.1 < float(rows["kaiming"][1])  # its last layer is initialised with zeros
    spread, *distributions = figures(tmp_path / "activations.html")
    assert [len(panel["data"]) for panel in distributions] == [2] * 6
    assert [trace["name"] for trace in distributions[0]["data"]] == ["layer 1: conv", "layer 2: head"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "random.py").write_text(MODELS)  # it has the name of a standard-library module
    assert descend_here("lab", "activations", "models/random.py:ready", "--input", "6").returncode == 0
    again = descend_here("lab", "activations", "mine:ready", "--input", "6")
    assert again.returncode == 0 and "mine:ready" in again.stdout and "saturated" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mine.py:Net"], "the input shape of mine.py:Net is not known; give the shape of one input: --input 64"),
        (["mine.py:Net", "--input", "3x8"], "--input must be whole numbers above 0, such as 64 or 3,32,32, not '3x8'"),
        (["mine.py:Net", "--input", "3,0"], "not '3,0'"),
        (["mine.py:Net", "--input", "6"], "mine.py:Net cannot be run on random inputs of shape (64, 6): "),
        (["mine.py:Net", "--input", "6", "--depth", "3"], "--depth and --activation are for the default network"),
        (["mine.py", "--input", "6"], "mine.py is not the name of a model; write FILE.py:NAME or module:NAME"),
        (["your.py:Net", "--input", "6"], "there is no file your.py"),
        (["yours:Net", "--input", "6"], "yours cannot be imported: ModuleNotFoundError: No module named 'yours'"),
        (["mine.py:Nett", "--input", "6"], "mine.py:Nett: module 'mine' has no attribute 'Nett'"),
        (["mine.py:width", "--input", "6"], "mine.py:width is neither an nn.Module nor callable: it is a int"),
        (
            ["mine.py:make", "--input", "6"],
            "mine.py:make cannot be called without arguments: TypeError: make()",
        ),
        (["mine.py:nothing", "--input", "6"], "mine.py:nothing does not return an nn.Module, but a int"),
        (["mine.py:plain", "--input", "6"], "mine.py:plain has no linear or convolutional layer"),
        (["broken.py:Net", "--input", "6"], "broken.py cannot be imported: SystemExit: usage"),
    ],
)
def test_an_unusable_model_is_one_line(descend_here, tmp_path, arguments, says):
    (tmp_path / "mine.py").write_text(MODELS)
    (tmp_path / "broken.py").write_text("import sys\nsys.exit('usage')\n")
    done = descend_here("lab", "activations", *arguments)
    assert done.returncode == 2 and says in done.stderr and len(complaints(done.stderr)) == 1
    assert not (tmp_path / "activations.html").exists()


@pytest.mark.slow
@pytest.mark.browser
def test_the_pages_draw_without_an_error(descend_here, tmp_path, chromium):
    descend_here("lab", "schedule", "WarmRestarts(10, 2)", cwd=tmp_path)
    descend_here("lab", "activations", "--depth", "3", cwd=tmp_path)
    for name, plots in (("schedule", 1), ("activations", 10)):
        page, errors = chromium.new_page(), []
        page.on("pageerror", lambda error, into=errors: into.append(str(error)))
        page.goto((tmp_path / f"{name}.html").as_uri())
        page.wait_for_function(f"document.querySelectorAll('.plot .main-svg').length >= {plots}")
        assert not errors and "undefined" not in page.inner_text("body")
        page.close()
