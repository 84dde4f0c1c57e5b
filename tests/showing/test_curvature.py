"""`descend show curvature`: the Hessian of a script's own cost, against closed forms; what it says where it cannot."""

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
print(values.tolist())
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
    """Write a linear regression and return the eigenvalues of its cost, smallest first."""
    path = folder / "ridge.py"
    path.write_text(RIDGE.format(rule=rule, steps=steps))
    printed = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True).stdout
    return json.loads(printed.splitlines()[0])


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
def test_what_each_direction_does_is_predicted_and_observed(descend_here, tmp_path, rule):
    said = PREDICTED[rule]
    values = ridge(tmp_path, rule)
    done = descend_here("show", "curvature", "--at", "first,10", "ridge.py")
    assert done.returncode == 0, done.stderr
    rows = [line.rstrip() for line in done.stdout.splitlines() if line.rstrip().endswith(("yes", "no"))]
    assert len(rows) == 6 and all(row.split()[-1] == "yes" for row in rows)  # three directions at two points
    steepest = re.split(r"  +", rows[0].strip())
    assert steepest[2] == said and steepest[3].startswith(said)
    assert float(steepest[0]) == pytest.approx(values[-1], rel=1e-3)
    assert (tmp_path / "curvature.html").exists()


def test_the_eigenvalues_are_those_of_the_closed_form(descend_here, tmp_path):
    values = ridge(tmp_path, "SGD(net.parameters(), lr=0.01, weight_decay=0.5)")
    known = facts(descend_here("show", "curvature", "--at", "last", "--steps", "30", "--format", "json", "ridge.py"))
    eigenvalues = known["eigenvalues", "last"]
    assert [value for value, _ in eigenvalues["top"]] == pytest.approx(values[::-1], rel=1e-9)
    assert known["spectrum", "last"]["trace"] == pytest.approx([sum(values)])
    assert sum(sum(each) for each in known["spectrum", "last"]["layers"].values()) == pytest.approx(sum(values))
    directions = known["directions", "last"]["directions"]
    assert [each["curvature"] for each in directions] == pytest.approx([v + 0.5 for v in values[::-1]])
    assert known["gauss_newton", "last"]["top"][0][0] == pytest.approx(values[-1])  # the network is linear
    assert known["condition", "last"]["number"] == pytest.approx(values[-1] / values[0])
    assert known["condition", "last"]["definiteness"] == "positive definite"
    assert all(found["breaks_at"] is None for found in known["taylor", "last"].values())  # and the cost a parabola
    assert known["point", "last"]["parameters"] == 3 and known["point", "last"]["examples"] == 64


def test_a_loop_without_an_optimizer_is_looked_at_from_where_it_is_known(descend_here, tmp_path):
    values = ridge(tmp_path, "SGD(net.parameters(), lr=0.01)")
    path = tmp_path / "ridge.py"
    body = path.read_text().replace("opt.zero_grad()", "net.zero_grad()")
    by_hand = "with torch.no_grad():\n        net.weight -= 0.01 * net.weight.grad"
    path.write_text(body.replace("opt.step()", by_hand))
    known = facts(descend_here("show", "curvature", "--at", "first", "--format", "json", "ridge.py"))
    assert [value for value, _ in known["eigenvalues", "first"]["top"]] == pytest.approx(values[::-1], rel=1e-9)


def test_an_adaptive_rule_is_held_against_its_own_curvature(descend_here, tmp_path):
    ridge(tmp_path, "RMSprop(net.parameters(), lr=0.01)", steps=300)
    done = descend_here("show", "curvature", "--at", "200", "ridge.py")
    assert done.returncode == 0 and "Directions at the step 200 weights" in done.stdout
    assert "of P⁻¹H" in (tmp_path / "curvature.html").read_text()


@pytest.mark.thorough
def test_a_cost_that_draws_anew_is_drawn_the_same(descend_here, tmp_path):
    ridge(tmp_path, "SGD(net.parameters(), lr=0.01)")
    path = tmp_path / "ridge.py"
    path.write_text(path.read_text().replace("net(x)", "net(x + 0.5 * torch.randn_like(x))"))
    done = descend_here("show", "curvature", "--at", "first", "ridge.py")
    assert done.returncode == 0 and "draws random numbers" in done.stderr and "positive definite" in done.stdout
    path.write_text(path.read_text().replace("0.5 * torch.randn_like(x)", "x[torch.randint(64, (64,))]"))
    done = descend_here("show", "curvature", "--at", "first", "ridge.py")
    assert "draws" not in done.stderr  # which examples they are is no part of the cost


def test_a_small_network_is_no_minimum_where_one_eigenvalue_is_hardly_negative(descend_here, tmp_path):
    """A Lanczos search that is content with a thousandth of the largest eigenvalue finds 10⁻⁴ there."""
    (tmp_path / "one.py").write_text(ONE.format(start="[1.0] * 30", cost=SADDLE).replace("0.1", "1e-9"))
    known = facts(descend_here("show", "curvature", "--at", "first", "--format", "json", "one.py"))
    assert known["kind", "first"]["kind"] == "no critical point"
    assert known["condition", "first"]["definiteness"] == "indefinite" and known["condition", "first"]["chance"] == 0
    assert known["eigenvalues", "first"]["bottom"][0][0] == pytest.approx(-2e-5, rel=1e-3)
    assert known["condition", "first"]["number"] == pytest.approx(1e6, rel=1e-3)


@pytest.mark.thorough
def test_in_evaluation_mode_nothing_is_said_of_the_rule(descend_here, tmp_path):
    ridge(tmp_path, "SGD(net.parameters(), lr=0.01)")
    done = descend_here("show", "curvature", "--evaluation", "--at", "first", "ridge.py")
    assert done.returncode == 0 and "Directions" not in done.stdout
    assert "not measured: what the rule does along each direction" in done.stderr


def test_one_parameter(descend_here, tmp_path):
    (tmp_path / "one.py").write_text(ONE.format(start=2.0, cost="3 * (w - 1).square().sum()"))
    known = facts(descend_here("show", "curvature", "--at", "first", "--format", "json", "one.py"))
    assert known["eigenvalues", "first"]["top"] == [[6.0, 0.0]] and known["condition", "first"]["number"] == 1


@pytest.mark.parametrize(
    ("arguments", "body", "says"),
    [
        (["--at", "frist"], "", "--at must be first, last or steps, as in first,100,last; not 'frist'"),
        (["--at", "30", "--steps", "30"], "", "--at 30 is not before the end of the 30 steps that are run"),
        ([], "import torch", "nothing to show: no optimizer step was taken"),
        ([], RIDGE.format(rule="SGD(net.parameters(), lr=float('nan'))", steps=30), "a weight is not finite at last"),
        ([], ONE.format(start=[], cost="w.sum()"), "the parameters hold no number"),
        ([], ONE.format(start=2.0, cost="(w.detach() > 1).float().sum().requires_grad_()"), "does not depend on them"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(descend_here, tmp_path, arguments, body, says):
    (tmp_path / "train.py").write_text(body)
    done = descend_here("show", "curvature", *(arguments or ["--at", "last"]), "train.py")
    assert done.returncode == 2 and says in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert not (tmp_path / "curvature.html").exists()


def test_a_script_that_fails_keeps_its_traceback_and_its_status(descend_here, tmp_path):
    values = RIDGE.format(rule="SGD(net.parameters(), lr=0.01)", steps=30)
    (tmp_path / "train.py").write_text(values + "raise SystemExit(7)\n")
    done = descend_here("show", "curvature", "--at", "first", "train.py")
    assert done.returncode == 7 and "Directions at the first weights" in done.stdout
    (tmp_path / "train.py").write_text("raise ValueError('no data')\n")
    done = descend_here("show", "curvature", "train.py")
    assert done.returncode == 1 and "ValueError: no data" in done.stderr and "descend/" not in done.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_was_measured_and_nothing_else(tmp_path, monkeypatch, ending):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv(CLOCK, "steps")
    endless = RIDGE.format(rule="SGD(net.parameters(), lr=0.01)", steps="10**9")
    (tmp_path / "train.py").write_text(endless.replace("opt.step()", "opt.step()\n    import time; time.sleep(0.02)"))
    command = [sys.executable, "-m", "descend", "show", "curvature", "--steps", "100000", "train.py"]
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
    command = ("show", "curvature", "--format", "json", "--checkpoint")
    done = descend_here(*command, "saved.pt", "ridge.py")
    assert "descend show curvature --checkpoint saved.pt ridge.py" in (tmp_path / "curvature.html").read_text()
    known = facts(done)
    first = facts(descend_here("show", "curvature", "--at", "first", "--format", "json", "ridge.py"))
    assert known["eigenvalues", "checkpoint"]["top"][0][0] == pytest.approx(values[-1])
    assert known["point", "checkpoint"]["loss"] > 2 * first["point", "first"]["loss"]
    for saved, says in (
        ({"weight": at.T}, "weight is of shape (3, 1) in"),
        ({"bias": at}, "has no weight; it has bias"),
        ([at], "holds no weights by name"),
    ):
        torch.save(saved, tmp_path / "saved.pt")
        done = descend_here(*command, "saved.pt", "ridge.py")
        assert done.returncode == 2 and says in done.stderr.splitlines()[-1]
    (tmp_path / "saved.pt").write_text("no weights")
    assert (
        "saved.pt cannot be read as weights that torch.save has written: it is none"
        in descend_here(*command, "saved.pt", "ridge.py").stderr
    )
    assert "there is no file none.pt" in descend_here(*command, "none.pt", "ridge.py").stderr


def test_sigterm_while_the_command_still_imports(tmp_path):
    """Typer turns every interruption of a command into the status of Ctrl-C; this one keeps its own."""
    (tmp_path / "train.py").write_text("")
    slow = (
        "import importlib, os, signal, sys\n"
        "real = importlib.import_module('descend.doctor.script.script')\n"
        "real.opened = lambda *a, **k: os.kill(os.getpid(), signal.SIGTERM)\n"
        "from descend.cli import main\n"
        "sys.argv = ['descend', 'show', 'curvature', 'train.py']\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", slow], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 128 + signal.SIGTERM and "Traceback" not in done.stderr, done.stderr
