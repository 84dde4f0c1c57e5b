"""`descend prove` on real scripts: each verdict with its exit status, for each kind of change."""

import json
import subprocess

import pytest
from sampling import sampled

pytestmark = pytest.mark.slow

SCRIPT = """
import torch

SEED = 0
LR = 0.02
UNUSED = 3
torch.manual_seed(SEED)
inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
targets = inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0]) + 0.1 * torch.sin(50 * inputs[:, 0])
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
for step in range(40):
    batch = torch.randint(0, 48, (16,))
    loss = torch.nn.functional.mse_loss(model(inputs[batch]).squeeze(1), targets[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
model.eval()
with torch.no_grad():
    error = torch.nn.functional.mse_loss(model(inputs[48:]).squeeze(1), targets[48:])
print(f"test loss {error:.4f}")
"""


@pytest.fixture
def prove(descend, tmp_path):
    """Run `descend prove` on the script and return its status and its results."""
    (tmp_path / "train.py").write_text(SCRIPT)

    def run(*options: str, script: str | None = None):
        if script is not None:
            (tmp_path / "train.py").write_text(script)
        done = descend("prove", "--seeds", "3", "--format", "json", *options, "train.py", cwd=tmp_path)
        assert "descend/doctor" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return run


def verdicts(results) -> list[str]:
    """Return the verdicts on all changes."""
    return [change["verdict"] for change in results["changes"]]


@pytest.mark.thorough
def test_several_settings_are_compared_one_by_one(prove, descend, tmp_path):
    status, results = prove("--set", "LR=0.1", "--set", "LR=0.001", "--set", "UNUSED=4", "--expect", "better")
    assert verdicts(results) == ["helps", "harms", "no_effect"], results["verdict"]
    assert status == 1 and results["exit"]["status"] == 1 and results["deterministic"]
    assert results["metric"]["name"] == "test loss"
    helpful = results["changes"][0]
    assert helpful["as_expected"] and helpful["relative_difference"][1] < 0
    assert [run["seed"] for run in helpful["before"]] == [0, 1, 2] == [run["seed"] for run in helpful["after"]]
    assert "-LR = 0.02" in helpful["patch"] and "+LR = 0.1" in helpful["patch"]
    assert (tmp_path / ".descend" / "1" / "change-1.diff").read_text() == helpful["patch"]
    assert descend("report", "1", cwd=tmp_path).stdout == ".descend/1/prove.html\n"
    assert " prove " in descend("runs", cwd=tmp_path).stdout
    assert (tmp_path / "train.py").read_text() == SCRIPT
    assert len(results["changes"][2]["after"]) == 2  # Two identical pairs are enough.


def test_a_patch_that_trains_less_harms_and_fails_the_expectation(prove, tmp_path):
    (tmp_path / "less.diff").write_text(
        "--- train.py\n+++ train.py\n@@ -13 +13 @@\n-for step in range(40):\n+for step in range(4):\n"
    )
    status, results = prove("--patch", "less.diff")
    assert (status, verdicts(results)) == (1, ["harms"]), results["verdict"]
    assert results["changes"][0]["after"][0]["steps"] == 4 and results["steps"] == 40


def test_a_change_since_a_revision_is_judged_in_its_direction(prove, tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "train.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    status, results = prove("--against", "HEAD", script=SCRIPT.replace("LR = 0.02", "LR = 0.1"))
    assert (status, verdicts(results)) == (0, ["helps"]), results["verdict"]
    assert "+LR = 0.1" in results["changes"][0]["patch"]


def test_a_changed_script_that_fails_shows_its_error(prove):
    status, results = prove("--set", "SEED=None")
    assert (status, verdicts(results)) == (1, ["fails"])
    assert "TypeError" in results["changes"][0]["error"]


def test_other_evaluation_targets_cannot_be_compared(prove, tmp_path):
    (tmp_path / "other.py").write_text(SCRIPT.replace("targets[48:])\nprint", "0.1 * targets[48:])\nprint"))
    status, results = prove("--with", "other.py")
    assert (status, verdicts(results)) == (3, ["not_comparable"]), results["verdict"]
    assert "evaluation targets differ" in results["changes"][0]["reason"]


def test_a_changed_script_without_the_metric_names_what_it_logs(prove, tmp_path):
    (tmp_path / "other.py").write_text(SCRIPT.replace('"test loss', '"validation loss'))
    status, results = prove("--with", "other.py")
    assert (status, verdicts(results)) == (3, ["not_comparable"])
    assert "'test loss'" in results["changes"][0]["reason"] and "'validation loss'" in results["changes"][0]["reason"]


def test_a_change_that_diverges_harms(prove):
    status, results = prove("--set", "LR=50.0")
    assert (status, verdicts(results)) == (1, ["harms"]), results["verdict"]
    assert results["verdict"].endswith("'test loss' is not finite with 3 of 3 seeds")
    # The metric is logged at the end only, so no run may be ended earlier.
    assert {(run["value"], run["steps"]) for run in results["changes"][0]["after"]} == {(None, 40)}


@pytest.mark.thorough
def test_a_script_that_diverges_is_compared_to_its_end(prove):
    diverging = SCRIPT.replace("LR = 0.02", "LR = 50.0")
    status, results = prove("--set", "UNUSED=4", script=diverging)
    assert (status, verdicts(results)) == (0, ["no_effect"]), results["verdict"]


def test_a_script_that_is_not_deterministic_is_named(prove):
    unseeded = SCRIPT.replace(
        "torch.manual_seed(SEED)", "import os\ntorch.manual_seed(int.from_bytes(os.urandom(4), 'big'))"
    )
    status, results = prove("--set", "LR=0.1", script=unseeded)
    assert not results["deterministic"] and "two runs with the same seed" in results["differs_because"]
    assert verdicts(results) == ["helps"] and status == 0


def test_the_needed_part_of_a_change_is_found(prove, tmp_path):
    (tmp_path / "other.py").write_text(SCRIPT.replace("LR = 0.02", "LR = 0.1").replace("UNUSED = 3", "UNUSED = 5"))
    status, results = prove("--with", "other.py", "--parts")
    needed = results["changes"][0]["needed"]
    assert status == 0 and needed["verdict"] == "helps", results["verdict"]
    assert "+LR = 0.1" in needed["patch"] and "UNUSED" not in [
        line[1:7] for line in needed["patch"].splitlines() if line[0] in "+-"
    ]


def test_a_remedy_of_the_catalog_is_a_change(prove):
    status, results = prove("--remedy", "learning_rate")
    assert len(results["changes"]) == 1 and results["changes"][0]["patch"]
    assert "earning rate" in results["changes"][0]["label"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name the change"),
        (["--set", "LR=0.1", "--against", "HEAD"], "cannot be combined"),
        (["--set", "LR=0.1", "--metric", "test los"], "did you mean 'test loss'"),
        (["--set", "LR=0.1", "--margin", "10%"], "--margin must be a number from 0.1 to 1000"),
        (["--remedy", "standardize_inputs"], "did you mean standardise_inputs"),
        (["--set", "LR=0.1", "--metric", "accuracy"], "logs no metric 'accuracy'"),
    ],
)
def test_wrong_usage_is_one_line_with_the_remedy(descend, tmp_path, options, message):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = descend("prove", *options, "train.py", cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_script_that_fails_unchanged_ends_with_status_4(prove):
    done_status, results = prove("--set", "LR=0.1", script=SCRIPT.replace("torch.randn(64, 4,", "torch.randn(64, 5,"))
    assert done_status == 4 and results["changes"] == []


def test_a_budget_that_is_too_short_says_what_is_needed(descend, tmp_path):
    slow = SCRIPT.replace("for step in range(40):", "import time\nfor step in range(40):\n    time.sleep(0.1)")
    (tmp_path / "train.py").write_text(slow)
    done = descend("prove", "--set", "LR=0.1", "--budget", "12", "train.py", cwd=tmp_path)
    assert done.returncode == 2 and "--budget 12s is too short" in done.stderr and "with --steps" in done.stderr


FORMATS = {
    "text": "verdict",
    "markdown": "## descend prove: as expected (expected: no-worse)",
    "agent": "verdict: ",
    "github": "::notice",
}


@pytest.mark.parametrize("format", sampled(FORMATS, "text"))
def test_every_format_names_the_verdict(descend, tmp_path, format):
    (tmp_path / "train.py").write_text(SCRIPT)
    options = ("--seeds", "2", "--set", "UNUSED=4", "--format", format)
    done = descend("prove", *options, "train.py", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith(FORMATS[format]) and "no effect" in done.stdout, done.stderr


STAGES = """
import torch

LATER = 0.05
torch.manual_seed(0)
data = torch.Generator().manual_seed(1)
inputs = torch.randn(64, 4, generator=data)
targets = inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0]) + 0.1 * torch.randn(64, generator=data)

def train(model, optimizer, targets):
    for step in range(30):
        batch = torch.randint(0, 64, (16,))
        loss = torch.nn.functional.mse_loss(model(inputs[batch]).squeeze(1), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

first = torch.nn.Linear(4, 1)
train(first, torch.optim.SGD(first.parameters(), lr=0.05), -targets)
second = torch.nn.Linear(4, 1)
second.load_state_dict(first.state_dict())
train(second, torch.optim.SGD(second.parameters(), lr=LATER), targets)
"""


@pytest.mark.thorough
def test_a_change_of_the_last_stage_is_measured_there(prove):
    status, results = prove("--set", "LATER=0.0001", "--set", "LATER=0.1", script=STAGES)
    assert (status, verdicts(results)) == (1, ["harms", "helps"]), results["verdict"]
    assert results["steps"] == 30


def test_a_missing_optimizer_step_is_a_change_that_helps(prove, tmp_path):
    (tmp_path / "other.py").write_text(SCRIPT)
    status, results = prove("--with", "other.py", script=SCRIPT.replace("    optimizer.step()\n", ""))
    assert (status, verdicts(results), results["steps"]) == (0, ["helps"], 0), results["verdict"]


def test_a_script_without_steps_and_metric_cannot_be_compared(prove):
    script = SCRIPT.replace("    optimizer.step()\n", "").replace("print(", "str(")
    status, message = prove("--set", "LR=0.1", script=script)
    assert status == 2 and "took no optimizer step" in message


@pytest.mark.slow
@pytest.mark.thorough
def test_a_momentum_of_running_means_is_no_change_of_the_evaluation(descend, tmp_path):
    text = (
        "import torch\ntorch.manual_seed(0)\nx = 3 + 2 * torch.randn(200, 4)\ny = x[:, :1]\n"
        "model = torch.nn.Sequential(torch.nn.BatchNorm1d(4, momentum=0.001), torch.nn.Linear(4, 1))\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.05)\n"
        "for step in range(60):\n    loss = (model(x) - y).square().mean()\n    optimizer.zero_grad()\n"
        "    loss.backward()\n    optimizer.step()\n"
        'model.eval()\nprint(f"test loss {(model(x) - y).square().mean().item():.5f}")\n'
    )
    (tmp_path / "train.py").write_text(text)
    done = descend("prove", "--seeds", "2", "--format", "agent", "--set", "momentum=0.1", "train.py", cwd=tmp_path)
    assert done.returncode == 0 and " helps" in done.stdout, done.stdout + done.stderr
