"""`descend lab curvature`: the Hessian compared with closed forms, and errors in one line."""

import json
import re
import signal
import subprocess
import sys

import pytest
import torch
from sampling import sampled

from descend.doctor.script.plan import CLOCK

pytestmark = pytest.mark.slow

RIDGE = """
import torch
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
x = torch.randn(64, 3) @ torch.diag(torch.tensor([2.0, 1.0, 0.3]))
y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(64)
values = torch.linalg.eigvalsh(2 * x.T @ x / 64)
net = torch.nn.Linear(3, 1, bias=False)
opt = torch.optim.{rule}
for t in range({steps}):
    opt.zero_grad()
    torch.nn.functional.mse_loss(net(x).squeeze(1), y).backward()
    opt.step()
"""
ONE = """
import torch
w = torch.nn.Parameter(torch.tensor({start}))
opt = torch.optim.SGD([w], lr=0.1)
for t in range(30):
    opt.zero_grad()
    ({cost}).backward()
    opt.step()
"""

SADDLE = "(w.square() * torch.cat([torch.tensor([-1e-5]), torch.linspace(1e-5, 10.0, 29)])).sum()"


def ridge(folder, rule: str, steps: int = 60) -> list[float]:
    """Write a linear regression and return the eigenvalues of its Hessian, smallest first."""
    text = RIDGE.format(rule=rule, steps=steps)
    (folder / "ridge.py").write_text(text)
    known: dict = {}
    try:
        exec(text.partition("net =")[0], known)
    finally:
        torch.set_default_dtype(torch.float32)
    return known["values"].tolist()


def facts(done) -> dict[tuple[str, str], dict]:
    assert done.returncode == 0, done.stderr
    return {(fact["name"], fact["place"]): fact["detail"] for fact in json.loads(done.stdout)["facts"]}


PREDICTED = {
    "SGD(net.parameters(), lr=0.9 / values[-1])": "decays ×0.1",
    "SGD(net.parameters(), lr=1.5 / values[-1])": "oscillates ×−0.5",
    "SGD(net.parameters(), lr=2.5 / values[-1])": "diverges ×−1.5",
    "SGD(net.parameters(), lr=1.5 / values[-1], momentum=0.81)": "oscillates ×0.9",
}


@pytest.mark.parametrize("rule", sampled(PREDICTED, *list(PREDICTED)[2:]))
def test_the_motion_along_each_eigenvector_is_predicted_and_observed(descend_here, tmp_path, rule):
    said = PREDICTED[rule]
    values = ridge(tmp_path, rule)
    done = descend_here("lab", "curvature", "--at", "first,10", "ridge.py")
    assert done.returncode == 0, done.stderr
    rows = [line.rstrip() for line in done.stdout.splitlines() if line.rstrip().endswith(("yes", "no"))]
    assert len(rows) == 6 and all(row.split()[-1] == "yes" for row in rows)  # three directions at two points
    steepest = re.split(r"  +", rows[0].strip())
    assert steepest[2] == said and steepest[3].startswith(said)
    assert float(steepest[0]) == pytest.approx(values[-1], rel=1e-3)
    assert (tmp_path / "curvature.html").exists()


def test_the_eigenvalues_equal_the_closed_form(descend_here, tmp_path):
    values = ridge(tmp_path, "SGD(net.parameters(), lr=0.01, weight_decay=0.5)")
    known = facts(descend_here("lab", "curvature", "--at", "last", "--steps", "30", "--format", "json", "ridge.py"))
    eigenvalues = known["eigenvalues", "last"]
    assert [value for value, _ in eigenvalues["top"]] == pytest.approx(values[::-1], rel=1e-9)
    assert known["spectrum", "last"]["trace"] == pytest.approx([sum(values)])
    assert sum(sum(each) for each in known["spectrum", "last"]["layers"].values()) == pytest.approx(sum(values))
    directions = known["directions", "last"]["directions"]
    assert [each["curvature"] for each in directions] == pytest.approx([v + 0.5 for v in values[::-1]])
    assert known["gauss_newton", "last"]["top"][0][0] == pytest.approx(values[-1])  # the network is linear
    assert known["condition", "last"]["number"] == pytest.approx(values[-1] / values[0])
    assert known["condition", "last"]["definiteness"] == "positive definite"
    assert all(
        found["breaks_at"] is None for found in known["taylor", "last"].values()
    )  # because the loss is a parabola
    assert known["point", "last"]["parameters"] == 3 and known["point", "last"]["examples"] == 64


def test_a_loop_without_an_optimizer_is_measured_from_its_first_known_step(descend_here, tmp_path):
    values = ridge(tmp_path, "SGD(net.parameters(), lr=0.01)")
    path = tmp_path / "ridge.py"
    body = path.read_text().replace("opt.zero_grad()", "net.zero_grad()")
    by_hand = "with torch.no_grad():\n        net.weight -= 0.01 * net.weight.grad"
    path.write_text(body.replace("opt.step()", by_hand))
    known = facts(descend_here("lab", "curvature", "--at", "first", "--format", "json", "ridge.py"))
    assert [value for value, _ in known["eigenvalues", "first"]["top"]] == pytest.approx(values[::-1], rel=1e-9)


def test_an_adaptive_optimizer_is_compared_with_its_preconditioned_curvature(descend_here, tmp_path):
    ridge(tmp_path, "RMSprop(net.parameters(), lr=0.01)", steps=300)
    done = descend_here("lab", "curvature", "--at", "200", "ridge.py")
    assert done.returncode == 0 and "Directions at the step 200 weights" in done.stdout
    assert "of P⁻¹H" in (tmp_path / "curvature.html").read_text()


@pytest.mark.thorough
def test_a_loss_with_random_numbers_is_evaluated_with_the_same_numbers(descend_here, tmp_path):
    ridge(tmp_path, "SGD(net.parameters(), lr=0.01)")
    path = tmp_path / "ridge.py"
    path.write_text(path.read_text().replace("net(x)", "net(x + 0.5 * torch.randn_like(x))"))
    done = descend_here("lab", "curvature", "--at", "first", "ridge.py")
    assert done.returncode == 0 and "draws random numbers" in done.stderr and "positive definite" in done.stdout
    path.write_text(path.read_text().replace("0.5 * torch.randn_like(x)", "x[torch.randint(64, (64,))]"))
    done = descend_here("lab", "curvature", "--at", "first", "ridge.py")
    assert "draws" not in done.stderr  # shuffling does not make the loss random


def test_a_slightly_negative_eigenvalue_is_not_a_minimum(descend_here, tmp_path):
    """Check an eigenvalue that a Lanczos search with a tolerance of 10⁻³ would miss."""
    (tmp_path / "one.py").write_text(ONE.format(start="[1.0] * 30", cost=SADDLE).replace("0.1", "1e-9"))
    known = facts(descend_here("lab", "curvature", "--at", "first", "--format", "json", "one.py"))
    assert known["kind", "first"]["kind"] == "no critical point"
    assert known["condition", "first"]["definiteness"] == "indefinite" and known["condition", "first"]["chance"] == 0
    assert known["eigenvalues", "first"]["bottom"][0][0] == pytest.approx(-2e-5, rel=1e-3)
    assert known["condition", "first"]["number"] == pytest.approx(1e6, rel=1e-3)


@pytest.mark.thorough
def test_in_evaluation_mode_no_stability_limit_is_reported(descend_here, tmp_path):
    ridge(tmp_path, "SGD(net.parameters(), lr=0.01)")
    done = descend_here("lab", "curvature", "--evaluation", "--at", "first", "ridge.py")
    assert done.returncode == 0 and "Directions" not in done.stdout
    assert "not measured: what the rule does along each direction" in done.stderr


def test_one_parameter(descend_here, tmp_path):
    (tmp_path / "one.py").write_text(ONE.format(start=2.0, cost="3 * (w - 1).square().sum()"))
    known = facts(descend_here("lab", "curvature", "--at", "first", "--format", "json", "one.py"))
    assert known["eigenvalues", "first"]["top"] == [[6.0, 0.0]] and known["condition", "first"]["number"] == 1


@pytest.mark.parametrize(
    ("arguments", "body", "says"),
    [
        (["--at", "frist"], "", "--at must be first, last or step numbers, such as first,100,last, not 'frist'"),
        (["--at", "30", "--steps", "30"], "", "--at 30 is not reached: only 30 steps are run"),
        ([], "import torch", "nothing to show: no optimizer step was taken"),
        ([], RIDGE.format(rule="SGD(net.parameters(), lr=float('nan'))", steps=30), "a weight is not finite at last"),
        ([], ONE.format(start=[], cost="w.sum()"), "the parameters hold no number"),
        ([], ONE.format(start=2.0, cost="(w.detach() > 1).float().sum().requires_grad_()"), "does not depend on them"),
    ],
)
def test_a_wrong_request_is_one_line(descend_here, tmp_path, arguments, body, says):
    (tmp_path / "train.py").write_text(body)
    done = descend_here("lab", "curvature", *(arguments or ["--at", "last"]), "train.py")
    assert done.returncode == 2 and says in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert not (tmp_path / "curvature.html").exists()


def test_a_failing_script_keeps_its_traceback_and_status(descend_here, tmp_path):
    values = RIDGE.format(rule="SGD(net.parameters(), lr=0.01)", steps=30)
    (tmp_path / "train.py").write_text(values + "raise SystemExit(7)\n")
    done = descend_here("lab", "curvature", "--at", "first", "train.py")
    assert done.returncode == 7 and "Directions at the first weights" in done.stdout
    (tmp_path / "train.py").write_text("raise ValueError('no data')\n")
    done = descend_here("lab", "curvature", "train.py")
    assert done.returncode == 1 and "ValueError: no data" in done.stderr and "descend/" not in done.stderr


@pytest.mark.parametrize("ending", sampled([signal.SIGINT, signal.SIGTERM], signal.SIGINT))
def test_after_a_signal_the_measurements_are_shown_and_nothing_is_left_over(tmp_path, monkeypatch, ending):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv(CLOCK, "steps")
    endless = RIDGE.format(rule="SGD(net.parameters(), lr=0.01)", steps="10**9")
    (tmp_path / "train.py").write_text(endless.replace("opt.step()", "opt.step()\n    import time; time.sleep(0.02)"))
    command = [sys.executable, "-m", "descend", "lab", "curvature", "--steps", "100000", "train.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        told = map(re.compile(r"step (\d+)").search, run.stderr)
        assert next(found for found in told if found and int(found[1]) > 40)
        run.send_signal(ending)
        out, err = run.communicate(timeout=300)
    assert run.returncode == 128 + ending and list(temporary.iterdir()) == []
    assert "Directions at the first weights" in out, err
    assert "interrupted" in (tmp_path / "curvature.html").read_text()


def test_the_weights_of_a_checkpoint(descend_here, tmp_path):
    values = ridge(tmp_path, "SGD(net.parameters(), lr=0.01)", steps=20)
    at = torch.tensor([[3.0, 1.0, -2.0]], dtype=torch.float64)
    torch.save({"epoch": 3, "model": {"module.weight": at}}, tmp_path / "saved.pt")
    command = ("lab", "curvature", "--format", "json", "--checkpoint")
    done = descend_here(*command, "saved.pt", "ridge.py")
    assert "descend lab curvature --checkpoint saved.pt ridge.py" in (tmp_path / "curvature.html").read_text()
    known = facts(done)
    first = facts(descend_here("lab", "curvature", "--at", "first", "--format", "json", "ridge.py"))
    assert known["eigenvalues", "checkpoint"]["top"][0][0] == pytest.approx(values[-1])
    assert known["point", "checkpoint"]["loss"] > 2 * first["point", "first"]["loss"]
    for saved, says in (
        ({"weight": at.T}, "weight has shape (3, 1) in"),
        ({"bias": at}, "has no weight; it has bias"),
        ([at], "does not contain weights by name"),
    ):
        torch.save(saved, tmp_path / "saved.pt")
        done = descend_here(*command, "saved.pt", "ridge.py")
        assert done.returncode == 2 and says in done.stderr.splitlines()[-1]
    (tmp_path / "saved.pt").write_text("no weights")
    assert (
        "saved.pt cannot be read as weights saved by torch.save: the file is damaged"
        in descend_here(*command, "saved.pt", "ridge.py").stderr
    )
    assert "there is no file none.pt" in descend_here(*command, "none.pt", "ridge.py").stderr


def test_sigterm_while_the_command_still_imports(tmp_path):
    """SIGTERM keeps its own exit status, although Typer reports every interruption as Ctrl-C."""
    (tmp_path / "train.py").write_text("")
    slow = (
        "import importlib, os, signal, sys\n"
        "real = importlib.import_module('descend.doctor.script.script')\n"
        "real.open_script = lambda *a, **k: os.kill(os.getpid(), signal.SIGTERM)\n"
        "from descend.cli import main\n"
        "sys.argv = ['descend', 'show', 'curvature', 'train.py']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", slow], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 128 + signal.SIGTERM and "Traceback" not in done.stderr, done.stderr
