"""The adapters of other tools for the exam: what they read from a tool, and how they run a script."""

import ast
import importlib.util
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

CLINIC = Path(__file__).parents[2] / "clinic"
sys.path.insert(0, str(CLINIC))
watched_run = __import__("watched_run")
exam = __import__("exam")
TOOLS = {"torchmortem": "torchmortem", "torch_audit": "torch_audit", "mldoct": "mldoctor"}  # and their packages
TRAINING = """
import torch
torch.manual_seed(0)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused = torch.nn.Linear(8, 1), torch.nn.Linear(8, 1)
    def forward(self, x):
        return self.used(x)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10)
for _ in range(30):
    x = torch.randn(16, 8)
    loss = 1e5 * (net(x) - x[:, :1]).square().mean()
    loss.backward()
    optimizer.step()
    schedule.step()
print("nothing else")
"""


def adapter(name: str) -> ModuleType:
    """Import a file under another name, because it has the name of its package."""
    spec = importlib.util.spec_from_file_location(f"adapter_{name}", CLINIC / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def severity(name: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, value=name)


def names(said: list[dict]) -> list[str]:
    return [each["name"] for each in said]


@pytest.mark.parametrize("tool", TOOLS)
def test_every_name_is_of_an_operator_of_the_visible_half(tool):
    own, ours = (json.loads((CLINIC / "tools" / f"{name}.json").read_text()) for name in (tool, "descend"))
    assert own and set(own) <= set(ours) and all(own.values())


def test_names_of_torch_audit_are_its_rules():
    rules = pytest.importorskip("torch_audit.registry").RuleRegistry
    pytest.importorskip("torch_audit.loader").load_runtime_validators()
    named = {rule for some in json.loads((CLINIC / "tools" / "torch_audit.json").read_text()).values() for rule in some}
    assert named <= {rule.id for rule in rules.all_rules()}


def test_names_of_mldoct_are_its_own():
    linter, advisor = (pytest.importorskip(f"mldoctor.{name}") for name in ("linter", "advisor"))
    mldoct = adapter("mldoct")
    file = Path(advisor.__file__).with_name("doctor_model.pkl")
    labels = set(pickle.loads(file.read_bytes()).classes_)
    known = labels | {name for name, _ in mldoct.ALERTS.values()}
    known |= {each.value for each in ast.walk(ast.parse(Path(linter.__file__).read_text())) if is_text(each)}
    table = json.loads((CLINIC / "tools" / "mldoct.json").read_text())
    assert {name for some in table.values() for name in some} <= known and mldoct.HEALTHY in labels


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_names_of_torchmortem_are_titles_and_rules():
    torchmortem = pytest.importorskip("torchmortem")
    own = adapter("torchmortem")
    sources = [*Path(torchmortem.__file__).parent.glob("detectors/*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source.read_text()))]
    titles = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "title"]
    known = {own.name_of(ast.unparse(each).strip("f'\"").replace("{layer_name}", "fc"), ["fc"]) for each in titles}
    known |= set(pytest.importorskip("torchmortem.registry").get_all_correlation_rules())
    table = json.loads((CLINIC / "tools" / "torchmortem.json").read_text())
    assert {name for some in table.values() for name in some} <= known


def test_a_title_of_torchmortem_becomes_a_name_without_its_layer():
    name_of = adapter("torchmortem").name_of
    assert name_of("Dead units in block.fc1", ["block.fc1"]) == "dead_units"
    assert name_of("High gradient noise (low SNR)", ["fc1"]) == "high_gradient_noise"


def test_torchmortem_claims_what_is_critical():
    def finding(level: str, title: str) -> SimpleNamespace:
        return SimpleNamespace(severity=severity(level), title=title, summary="", affected_layers=[])

    critical, warning = finding("CRITICAL", "Weight norm explosion"), finding("WARNING", "Loss plateau detected")
    insight = SimpleNamespace(rule_name="loop", title="Loop", summary="", contributing_findings=[critical])
    report = SimpleNamespace(findings=[critical, warning], insights=[insight])
    answer = adapter("torchmortem").answer([report])
    assert names(answer["findings"]) == ["loop", "weight_norm_explosion"]
    assert names(answer["suspicions"]) == ["loss_plateau_detected"]


def test_torch_audit_gives_each_finding_once_and_the_most_severe_first():
    def finding(rule: str, level: str) -> SimpleNamespace:
        own = SimpleNamespace(rule_id=rule, severity=severity(level), module_path="fc", message="m")
        own.get_fingerprint = lambda: rule
        return own

    found = [finding("TA203", "INFO"), finding("TA102", "WARN"), finding("TA104", "ERROR"), finding("TA102", "WARN")]
    answer = adapter("torch_audit").answer(found)
    assert names(answer["findings"]) == ["TA104"] and names(answer["suspicions"]) == ["TA102", "TA203"]
    assert answer["findings"][0]["says"] == "ERROR fc: m"


def test_mldoct_has_its_linter_first_and_no_finding_for_healthy_training():
    mldoct = adapter("mldoct")
    issue = {"severity": "WARNING", "message": "m", "fix": "f", "type": "missing_eval", "line": 4}
    diagnosed = {"title": "t", "confidence": 99.0, "desc": "d", "action": "a", "label": "lr_too_low"}
    diagnosed["insights"] = ["**Gradient Health:** Stable.", "**Vanishing Gradients:** low."]
    critical = {**issue, "severity": "CRITICAL", "type": "oom_leak", "line": 7}
    answer = mldoct.answer([issue, critical], ["CRITICAL INSTABILITY DETECTED"], diagnosed, None)
    assert [(each["name"], each["line"]) for each in answer["findings"]] == [
        ("oom_leak", 7),
        ("instability", None),
        ("lr_too_low", None),
    ]
    assert names(answer["suspicions"]) == ["missing_eval", "vanishing_gradients"]
    assert mldoct.answer([], [], {**diagnosed, "label": "healthy"}, None)["findings"] == []


def test_mldoct_finds_alerts_in_what_is_printed():
    assert adapter("mldoct").alerts("│ SMART EARLY STOPPING TRIGGERED │\n") == ["SMART EARLY STOPPING TRIGGERED"]
    assert adapter("mldoct").alerts("loss 0.3\n") == []


@pytest.mark.parametrize(("steps", "rows"), [(7, 7), (45, 20)])
def test_the_table_for_mldoct_has_the_means_of_all_steps(steps, rows):
    made = adapter("mldoct").table([(float(k), 2.0) for k in range(steps)])
    assert len(made) == rows and made[0]["epoch"] == 1 and all(row["grad_norm"] == 2.0 for row in made)
    assert made[0]["train_loss"] == made[0]["val_loss"] == (0.0 if steps == 7 else 0.5)


def test_a_fix_of_mldoct_is_a_patch_with_its_line(tmp_path):
    pytest.importorskip("mldoctor")
    script = tmp_path / "train.py"
    script.write_text("optimizer = make()\nloss = f()\nloss.backward()\noptimizer.step()\n")
    issues, patch = adapter("mldoct").checked(script)
    found = {issue["type"]: issue["line"] for issue in issues}
    assert found["missing_zero_grad"] == 3 and patch is not None
    assert exam.applies(patch, script) and "zero_grad" in script.read_text().splitlines()[2]


def changed(tmp_path: Path, text: str, factor: float, optimizer: str | None) -> str:
    random_search = adapter("random_search")
    path = tmp_path / "train.py"
    path.write_text(text)
    result: str = random_search.changed(random_search.Script(path), factor, optimizer)
    return result


@pytest.mark.parametrize(
    ("before", "factor", "optimizer", "after"),
    [
        ("a = torch.optim.Adam(p, lr=0.01)\n", 10.0, None, "a = torch.optim.Adam(p, lr=0.1)\n"),
        ("a = torch.optim.SGD(p, 0.01)\n", 0.1, None, "a = torch.optim.SGD(p, 0.001)\n"),
        ("a = torch.optim.Adam(p)\n", 2.0, None, "a = torch.optim.Adam(p, lr=0.002)\n"),
        ("a = torch.optim.Adam(p, lr=RATE)\n", 2.0, None, "a = torch.optim.Adam(p, lr=(RATE) * 2)\n"),
        (
            "a = optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=D)\n",
            1.0,
            "Adam",
            "a = optim.Adam(p, lr=0.001, weight_decay=D)\n",
        ),
    ],
)
def test_the_random_search_edits_rates_and_optimizers(tmp_path, before, factor, optimizer, after):
    assert changed(tmp_path, before, factor, optimizer) == after


def test_the_random_search_draws_another_optimizer():
    random_search, generator = adapter("random_search"), random.Random(0)
    draws = [random_search.drawn(generator, {"Adam"}) for _ in range(60)]
    assert {optimizer for _, optimizer in draws} == {None, "SGD", "AdamW", "RMSprop"}
    assert all(0.01 <= factor <= 100 for factor, _ in draws) and any(factor != 1 for factor, _ in draws)


def test_the_random_search_compares_by_the_direction_of_the_metric():
    random_search = adapter("random_search")
    higher, lower = (random_search.Metric("m", is_higher, 0.0) for is_higher in (True, False))
    assert random_search.is_better(higher, 2.0, 1.0) and not random_search.is_better(lower, 2.0, 1.0)
    assert random_search.is_better(lower, 2.0, float("nan")) and not random_search.is_better(higher, float("nan"), 1.0)


def test_the_random_search_has_the_metric_of_a_program_that_is_shown_without_it(tmp_path):
    shown = tmp_path / "charlm_gru.py"
    shown.write_text('"""A program."""\n')
    assert adapter("random_search").metric_for(shown).name == "held-out perplexity"
    with pytest.raises(SystemExit):
        adapter("random_search").metric_for(tmp_path / "other.py")


def test_the_outermost_networks_of_an_optimizer_are_found_in_its_order():
    first, second, other = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), nn.Linear(2, 2), nn.Linear(2, 2)
    found = watched_run.networks_of([*second.parameters(), *first[1].parameters()])
    assert [each is network for each, network in zip(found, (second, first))] == [True, True] and len(found) == 2
    assert all(each is not other for each in found)


class Record(watched_run.Tool):
    """What a tool would see."""

    def __init__(self):
        self.seen: list[str] = []
        self.losses: list[float] = []

    def begin(self, trained):
        self.seen.append("begin")

    def forward(self, network, proceed, given):
        self.seen.append("forward")
        return proceed()

    def backward(self, loss, proceed):
        self.seen.append("backward")
        proceed()

    def step(self, trained, proceed, loss):
        self.seen.append("step")
        self.losses.append(loss)
        proceed()


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A script, in a process whose path and folder are put back."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "train.py"
    path.write_text(TRAINING)
    return path


def test_a_run_calls_a_tool_at_each_place_of_the_loop(script, capsys):
    record = Record()
    assert watched_run.WatchedRun(record).run(script)
    assert record.seen == ["begin", *["forward", "backward", "step"] * 30]
    assert record.losses[0] > 0 and not capsys.readouterr().out and not hasattr(torch.optim.SGD.step, "calls_tool")


def test_a_script_that_fails_is_run_up_to_there(script, capsys):
    script.write_text(TRAINING + "raise ValueError('at the end')\n")
    record = Record()
    assert not watched_run.WatchedRun(record).run(script)
    assert len(record.losses) == 30 and "at the end" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("torchmortem", "exploding_gradients_detected"),
        ("torch_audit", "TA500"),
        ("mldoct", "missing_zero_grad"),
    ],
)
def test_a_tool_finds_what_it_can_find(script, tool, name):
    pytest.importorskip(TOOLS[tool])
    command = [sys.executable, str(CLINIC / "tools" / f"{tool}.py"), script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True)
    assert name in names(json.loads(done.stdout)["findings"]), done.stderr
