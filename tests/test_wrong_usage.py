"""A wrong call of a public function raises one sentence that names the mistake and the remedy."""

import importlib
import subprocess
import sys

import pytest
import torch
from torch import nn

import descend
from descend import optim
from descend.core.errors import UsageError
from descend.schedules import Cosine, Scheduler, WarmRestarts

MODEL = nn.Linear(2, 1)
SGD = torch.optim.SGD(MODEL.parameters(), lr=0.1)


def without_tuple(theta, g, t, *, lr):
    return -lr * g


def without_return(theta, g, t, *, lr):
    pass


def without_state(theta, g, t, m=0.0, *, lr):
    return (-lr * g,)


def made_from(function):
    return type("Own", (optim.Optimizer,), {"rule": staticmethod(function)})


WRONG = {
    "watch in the wrong order": (
        lambda: descend.watch(SGD, MODEL),
        TypeError,
        r"the model comes before the optimizer: write descend\.watch\(model, optimizer\)",
    ),
    "watch with two models": (lambda: descend.watch(MODEL, MODEL), TypeError, "optimizer must be .*, not Linear"),
    "watch with a number": (lambda: descend.watch(MODEL, 3), TypeError, "optimizer must be .*, not int"),
    "one id": (
        lambda: descend.watch(MODEL, ignore="dead_unit"),
        TypeError,
        r"must be a list of ids: write ignore=\['dead_units'\], not ignore='dead_unit'",
    ),
    "misspelt id": (
        lambda: descend.watch(MODEL, ignore=["dead_unit"]),
        ValueError,
        "no problem has the id dead_unit; did you mean dead_units",
    ),
    "name of a function": (
        lambda: descend.watch(MODEL, on_finding="print"),
        TypeError,
        "on_finding must be a function, as in on_finding=print, not 'print'",
    ),
    "webhook": (lambda: descend.watch(MODEL, webhook="slack"), ValueError, "must be a URL such as https://host/path"),
    "webhook that is no text": (lambda: descend.watch(MODEL, webhook=3), TypeError, "URL as text, not int"),
    "torch's name": (lambda: Cosine(T_max=100), TypeError, "keyword argument 'T_max'; did you mean 'total_steps'"),
    "torch's names of restarts": (lambda: WarmRestarts(T_0=5), TypeError, "did you mean 'period'"),
    "schedule of an optimizer": (
        lambda: Cosine(SGD, 100),
        TypeError,
        r"takes no optimizer: write Scheduler\(optimizer, lr=Cosine\(total_steps=…\)\)",
    ),
    "schedule without a name": (
        lambda: Scheduler(SGD, Cosine(100)),
        TypeError,
        r"name the hyper-parameter that the Cosine sets; write Scheduler\(optimizer, lr=",
    ),
    "scheduler in the wrong order": (
        lambda: Scheduler(Cosine(100), SGD),
        TypeError,
        r"first argument must be a torch\.optim\.Optimizer, not Cosine; write Scheduler\(optimizer, lr=",
    ),
    "scheduler without an optimizer": (lambda: Scheduler(lr=Cosine(100)), TypeError, "missing .* 'optimizer'"),
    "optimizer without a rule": (
        lambda: optim.Optimizer(MODEL.parameters(), lr=0.1),
        TypeError,
        r"Optimizer has no update rule: .* rule = staticmethod\(my_rule\)",
    ),
    "rule without a tuple": (
        lambda: made_from(without_tuple)(MODEL.parameters(), lr=0.1),
        TypeError,
        r"without_tuple must return a tuple \(step,\), but it returns a single value",
    ),
    "rule without a tuple, with weight decay": (
        lambda: made_from(without_tuple)(MODEL.parameters(), lr=0.1, weight_decay=0.1),
        TypeError,
        "without_tuple must return a tuple",
    ),
    "rule without a result": (
        lambda: made_from(without_return)(MODEL.parameters(), lr=0.1),
        TypeError,
        "but it returns nothing",
    ),
    "rule without its state": (
        lambda: made_from(without_state)(MODEL.parameters(), lr=0.1),
        TypeError,
        r"must return a tuple \(step, m\), but it returns a tuple of length 1",
    ),
    "doctor with one id": (
        lambda: descend.run_doctor("train.py", ignore="dead_units"),
        TypeError,
        r"ignore must be a list of texts, such as ignore=\['no_zero_grad'\], not 'dead_units'",
    ),
    "doctor with a misspelt id": (lambda: descend.run_doctor("train.py", select=["plato"]), UsageError, "plateau"),
    "doctor with one seed": (
        lambda: descend.run_doctor("train.py", seeds=1),
        ValueError,
        "seeds must be from 2 to 1000, not 1",
    ),
    "doctor with half a step": (lambda: descend.run_doctor("train.py", steps=0.5), TypeError, "whole number, not 0.5"),
    "doctor without a script": (lambda: descend.run_doctor("none.py"), UsageError, "no such script: none.py"),
    "doctor without a time": (lambda: descend.run_doctor("train.py", seconds=float("nan")), ValueError, "not nan"),
    "doctor with a command line": (
        lambda: descend.run_doctor("train.py", arguments="--epochs 3"),
        TypeError,
        "arguments must be a list of texts",
    ),
    "doctor without ids": (
        lambda: descend.run_doctor("train.py", select=None),
        TypeError,
        "select must be a list of texts, .*, not None",
    ),
    "doctor with numbers as arguments": (
        lambda: descend.run_doctor("train.py", arguments=["--epochs", 3]),
        TypeError,
        r"such as arguments=\['--epochs', '3'\], not \['--epochs', 3\]",
    ),
    "doctor with a number as script": (lambda: descend.run_doctor(3), TypeError, "such as script='train.py', not 3"),
    "doctor with a list as store": (lambda: descend.run_doctor("train.py", store=[]), TypeError, r"store .*, not \[\]"),
    "doctor with a text for a truth value": (
        lambda: descend.run_doctor("train.py", quick="no"),
        TypeError,
        "quick must be True or False, not 'no'",
    ),
    "doctor with a cluster": (lambda: descend.run_doctor("train.py", ray=True), TypeError, "ray='auto', not True"),
    "doctor with a budget in words": (
        lambda: descend.run_doctor("train.py", budget="two minutes"),
        ValueError,
        "budget must be a number of seconds, or a text such as '90s', '2m' or '1h', from 10 .*, not 'two minutes'",
    ),
    "doctor with a budget that is too short": (
        lambda: descend.run_doctor("train.py", budget="3s"),
        ValueError,
        "from 10 to 10000000 seconds, not '3s'",
    ),
    "doctor with a negative budget": (
        lambda: descend.run_doctor("train.py", budget=-5),
        ValueError,
        "budget must be from 10 to 10000000, not -5",
    ),
    "doctor with a list as budget": (
        lambda: descend.run_doctor("train.py", budget=[90]),
        TypeError,
        r"budget must be a number of seconds, or a text such as '90s', '2m' or '1h', not \[90\]",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_names_the_mistake_and_the_remedy(name):
    call, kind, message = WRONG[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_webhook_is_not_repeated_because_it_may_be_secret():
    with pytest.raises(ValueError) as caught:
        descend.watch(MODEL, webhook="token-4711")
    assert "4711" not in str(caught.value)


def test_a_rule_that_cannot_be_compiled_names_its_mistake_in_the_first_step():
    def uncompilable(theta, g, t, *, lr):
        assert isinstance(theta, torch.Tensor)
        return -lr * g

    parameter = torch.ones(3, requires_grad=True)
    parameter.grad = torch.ones(3)
    optimizer = made_from(uncompilable)([parameter], lr=0.1)
    with pytest.raises(TypeError, match=r"uncompilable must return a tuple \(step,\)"):
        optimizer.step()


def test_watch_without_a_with_statement_warns():
    with pytest.warns(RuntimeWarning, match="records nothing without a with statement") as caught:
        descend.watch(MODEL, SGD)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.slow
def test_watch_that_is_only_assigned_warns_at_the_end(tmp_path):
    (tmp_path / "train.py").write_text("import descend\nwatching = descend.watch()\nprint('trained')\n")
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "trained\n"
    assert "train.py:2: RuntimeWarning: descend.watch records nothing without a with statement" in done.stderr


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("LightningCallback", ["lightning", "lightning.pytorch", "pytorch_lightning"]),
        ("TransformersCallback", ["transformers"]),
    ],
)
def test_a_callback_without_its_framework_names_what_to_install(name, packages, monkeypatch):
    module = f"descend.doctor.callbacks.{name.removesuffix('Callback').lower()}"
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    callback = getattr(descend, name)  # exists, so that `from descend import *` works without the framework
    with pytest.raises(ModuleNotFoundError, match=f"{name} needs .*: pip install {packages[0]}"):
        callback()
    monkeypatch.delitem(sys.modules, module)
    importlib.invalidate_caches()
