"""Custom autograd Functions: their gradients are checked, and steps with them are recorded."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from descend.doctor.instrumentation.custom_functions import CustomFunctions, observing_functions
from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Message, Record, facts

SCRIPT = Path(__file__).parents[1] / "scripts" / "custom.py"


class Half(torch.autograd.Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        Half.calls += 1
        return x / 2

    @staticmethod
    def backward(ctx, grad):
        return grad


class Picky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        return x * 1.0

    @staticmethod
    def backward(ctx, grad):
        return grad


class Watched:
    """Observe the custom Functions of some calls."""

    def __init__(self) -> None:
        self.record, self.notes = Record(), []
        modules = Modules(SourceTree(), self.take)
        self.functions = CustomFunctions(modules, self.take, lambda *note: self.notes.append(note))

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)


def watched(*calls) -> Watched:
    found = Watched()
    with observing_functions(found.functions):
        for call in calls:
            call()
    found.functions.finish()
    return found


X = torch.randn(5, requires_grad=True)


def test_a_wrong_gradient_is_reported_with_its_line() -> None:
    found = watched(lambda: Half.apply(X))
    assert found.record.fact(facts.GradientCheck, "Half") == facts.GradientCheck(pytest.approx(0.5), 0)
    site = found.record.site("custom_function", "Half")
    assert (site.file, site.detail) == (__file__, "Half")


def test_a_function_is_checked_once_and_only_if_it_needs_a_gradient() -> None:
    found = watched(lambda: Half.apply(X.detach()))
    assert not found.record.every(facts.GradientCheck)
    Half.calls = 0
    watched(lambda: Half.apply(X))
    checking = Half.calls
    Half.calls = 0
    found = watched(*[lambda: Half.apply(X)] * 3)
    assert Half.calls == checking + 2 and len(found.record.history(facts.GradientCheck, "Half")) == 1


def test_a_function_that_cannot_be_checked_is_noted_and_the_script_continues() -> None:
    made: list[Tensor] = []
    found = watched(lambda: made.append(Picky.apply(X)))
    assert torch.equal(made[0], X)
    assert found.notes == [("gradient_check", "TypeError: float32 only", 0)]


def test_observed_functions_return_the_same_result_and_are_restored() -> None:
    original = torch.autograd.Function.__dict__["apply"]
    torch.manual_seed(1)
    before, made = torch.get_rng_state(), []
    watched(lambda: made.append(Half.apply(X)))
    assert torch.equal(made[0], Half.apply(X)) and type(made[0].grad_fn).__name__ == "HalfBackward"
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.autograd.Function.__dict__["apply"] is original


def line(mark: str) -> int:
    return next(i for i, text in enumerate(SCRIPT.read_text().splitlines(), 1) if text.endswith(f"# {mark}"))


@pytest.mark.slow
def test_a_training_with_custom_functions_is_recorded(stage) -> None:
    plain, seen = stage.plainly("custom.py"), stage.observed("baseline", "custom.py")
    record = seen.record
    assert seen.own_log == plain.own_log
    assert record.fact(facts.GradientCheck, "Cube").error < 1e-6
    assert record.fact(facts.GradientCheck, "Square") == facts.GradientCheck(pytest.approx(0.5), 0)
    assert [record.site("custom_function", name).line for name in ("Cube", "Square")] == [line("Cube"), line("Square")]
    assert "autograd.Function" in next(note.reason for note in record.notes if note.probe == "tape")


@pytest.mark.slow
def test_the_check_does_not_change_a_functions_running_mean(stage) -> None:
    plain, seen = stage.plainly("custom.py", "stateful"), stage.observed("baseline", "custom.py", "stateful")
    assert seen.own_log == plain.own_log
