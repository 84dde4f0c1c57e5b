"""`descend explain` lists all problems, explains one, suggests ids, and shows code that runs."""

import re
import subprocess
import sys
import warnings

import pytest

from descend.doctor.catalog import CATALOG
from descend.doctor.commands.completion import complete_problem_id
from descend.doctor.commands.explanation import explanation, problem_list
from descend.doctor.symptoms.groups import GROUPS

WITH_EXAMPLE = [name for name, problem in CATALOG.items() if problem.example]


def test_each_problem_is_in_exactly_one_group():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(CATALOG)


def test_without_an_id_all_problems_are_listed_with_their_titles(descend_here):
    done = descend_here("explain")
    assert done.returncode == 0 and all(group in done.stdout for group in GROUPS)
    rows = dict(re.findall(r"^  (\w+)  +(\S.*)$", done.stdout, re.MULTILINE))
    assert rows.keys() == CATALOG.keys() and rows["no_zero_grad"] == CATALOG["no_zero_grad"].title


@pytest.mark.parametrize(
    ("command", "given", "suggested"),
    [
        (["explain"], "dead_unit", "did you mean dead_units?"),
        (["explain"], "Dead-Units", "did you mean dead_units?"),
        (["explain"], "zero_grad", "did you mean no_zero_grad?"),
        (["doctor", "--select"], "overfiting", "did you mean overfitting?"),
        (["watch", "--ignore"], "cliffs", "did you mean cliff?"),
    ],
)
def test_a_similar_id_is_suggested(descend_here, tmp_path, command, given, suggested):
    (tmp_path / "train.py").write_text("")
    done = descend_here(*command, given, *(["train.py"] if command != ["explain"] else []))
    assert done.returncode == 2 and f"no problem has the id {given}; {suggested} descend explain lists" in done.stderr


def test_without_a_similar_id_none_is_suggested(descend_here):
    assert descend_here("explain", "xyzzy").stderr == (
        "descend: no problem has the id xyzzy; descend explain lists all ids\n"
    )


@pytest.mark.parametrize("columns", [40, 80, 120, 300])
def test_the_texts_are_wrapped_at_the_width_of_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for text in (problem_list(), *map(explanation, CATALOG)):
        prose = text.partition("\nFaulty code\n")[0]
        # A word that is longer than the line, such as an id in the list, is the only reason for a longer line.
        assert all(len(line) <= min(columns, 120) or columns == 40 for line in prose.splitlines())
        assert max(map(len, prose.splitlines())) > min(columns, 120) / 2


def test_the_shell_completes_ids():
    assert dict(complete_problem_id("no_")).keys() == {name for name in CATALOG if name.startswith("no_")}
    assert dict(complete_problem_id("")).keys() == CATALOG.keys()
    assert complete_problem_id("xyzzy") == []


@pytest.fixture(scope="module")
def training():
    """The names that the examples use, as a short training script would define them; 64 examples of 8 features."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    inputs, targets, many = torch.randn(64, 8), torch.arange(64) % 3, torch.randn(1000, 8)
    model, layer = nn.Sequential(nn.Linear(8, 3)), nn.Linear(8, 8)
    dataset = torch.utils.data.TensorDataset(inputs, targets)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    outputs = model(inputs)
    nn.functional.cross_entropy(outputs, targets).backward()
    return {
        "torch": torch, "nn": nn, "F": nn.functional, "DataLoader": torch.utils.data.DataLoader,
        "inputs": inputs, "targets": targets, "model": model, "layer": layer, "dataset": dataset,
        "loader": [(inputs, targets)], "optimizer": optimizer, "epochs": 2, "train": inputs, "test": inputs,
        "outputs": outputs, "images": torch.randn(64, 3), "predictions": torch.randn(64, 1),
        "values": torch.randn(64), "labels": targets > 0, "prices": torch.randn(64, 1),
        "loss": torch.ones((), requires_grad=True), "evaluate": lambda model: None,
        "training_step": lambda inputs, targets: optimizer.step(), "table": inputs.numpy(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 10), "encoder": nn.Linear(8, 4),
        "decoder": nn.Linear(4, 8), "mean": torch.zeros(64, 3), "log_variance": torch.zeros(64, 3),
        "encoder_layer": nn.TransformerEncoderLayer(8, 2, batch_first=True), "tokens": torch.randn(4, 5, 8),
        "sequences": torch.randn(4, 5, 8), "decoder_rnn": nn.GRU(8, 8), "previous": torch.randn(5, 4, 8),
        "state": torch.zeros(1, 4, 8), "features": many.numpy(),
        "classes": torch.arange(1000) % 3 + 1,
        "SelectKBest": pytest.importorskip("sklearn.feature_selection").SelectKBest,
    }  # fmt: skip


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_the_example_of_a_problem_runs_with_and_without_the_fault(name, training, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = {f"module.{key}": value for key, value in training["model"].state_dict().items()}
    training["torch"].save(weights, "model.pt")
    example = CATALOG[name].example
    assert example and example.faulty != example.fixed
    for source in (example.faulty, example.fixed):
        names = training | ({"train": lambda model: None} if name == "eval_mode" else {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # A faulty line may warn, as the broadcasting loss does.
            exec(compile(source, name, "exec"), names)


def test_the_examples_of_wrong_gradients_disagree_and_agree_with_finite_differences(training):
    torch, example = training["torch"], CATALOG["incorrect_gradients"].example
    point = torch.tensor([0.3, 1.7], dtype=torch.float64, requires_grad=True)
    for source, is_right in ((example.faulty, False), (example.fixed, True)):
        names = {"torch": torch}
        exec(source, names)
        assert torch.autograd.gradcheck(names["Square"].apply, point, raise_exception=False) is is_right


def test_the_wiring_problems_have_examples():
    wiring = {*GROUPS["Training loop"]}
    assert wiring <= {*WITH_EXAMPLE} and "output_loss_mismatch" in WITH_EXAMPLE and len(WITH_EXAMPLE) >= 35


def test_completion_imports_neither_torch_nor_the_catalog():
    program = (
        "import sys; sys.argv = ['descend', '--version']\n"
        "from descend.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "from descend.doctor.commands.completion import complete_problem_id; complete_problem_id('no')\n"
        "print([name for name in ('torch', 'numpy', 'libcst', 'descend.doctor.catalog') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
