"""Lightly sampled steps are recorded with the same result as steps that are read in full."""

import time
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from descend.doctor.instrumentation.probe_runner import ProbeRunner
from descend.doctor.instrumentation.steps import light_sampling
from descend.doctor.instrumentation.steps.attribution import Attribution, Stepper
from descend.doctor.instrumentation.steps.budget import Budget
from descend.doctor.instrumentation.steps.curves import Curves
from descend.doctor.instrumentation.steps.light_sampling import LightSampling
from descend.doctor.instrumentation.steps.rounds import Backward, Rounds, Step, frame_position
from descend.doctor.measure import PROBES
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script

ROUNDS = {
    "plain": "a A",
    "accumulation": "a a a A",
    "one loss for two": "b A B",
    "a critic and its generator": "a A c B",
    "five to one": "a A a A a A a A a A c B",
    "cleared in between": "a x a A",
}


class Loop:
    """A loop over two layers: pass `a` is through the first, `b` and `c` through both; `x` clears, `A` and `B` step."""

    def __init__(self, round: str, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        self.dtype = dtype
        self.layers = nn.Linear(3, 3, dtype=dtype), nn.Linear(3, 1, dtype=dtype)
        keys = {"A": "0", "B": "1"} if "B" in round else {"A": "0"}
        self.optimizers = {key: torch.optim.SGD(layer.parameters(), lr=0.01) for key, layer in zip("AB", self.layers)}
        self.record, self.full = Record(), 0
        self.curves = Curves(self.record.extend)
        steppers = {key: Stepper(key, lambda o=self.optimizers[name]: o) for name, key in keys.items()}
        for stepper in steppers.values():
            stepper.refresh()
        self.steppers = {name: steppers[key] for name, key in keys.items()}
        self.attribution = Attribution(steppers)
        self.light_sampling = LightSampling(self.curves, self.attribution, Budget(0.02, None))

    def go(self, events: str, next_examined_step: float = float("inf")) -> None:
        for event in events.split():
            if event == "x":
                self.layers[0].zero_grad()
            elif event in "abc":
                self._backward(event)
            else:
                self._step(event, next_examined_step)

    def _backward(self, place: str) -> None:
        hidden = self.layers[0](torch.randn(4, 3, dtype=self.dtype))
        loss = hidden.square().mean() if place == "a" else self.layers[1](hidden).square().mean()
        frame = SimpleNamespace(f_code=ord(place), f_lasti=0)
        if (
            self.light_sampling.rounds_to_skip
            or self.light_sampling.is_on
            and self.light_sampling.read_pass(loss, frame)
        ):
            loss.backward()
            return
        self.light_sampling.stop()
        self.full += 1
        self.attribution.record_backward(loss, loss, place)
        self.light_sampling.add_full_pass(place, frame_position(frame))
        loss.backward()
        self.attribution.backward_ended()

    def _step(self, name: str, next_examined_step: float) -> None:
        optimizer, stepper = self.optimizers[name], self.steppers[name]
        optimizer.step()
        if not (self.light_sampling.is_on and self.light_sampling.read_step(optimizer)):
            self.light_sampling.stop()
            self.full += 1
            self.curves.add_step(stepper.key, stepper.steps, self.attribution.loss_of_step(stepper), 0.01)
            stepper.steps += 1
            self.light_sampling.add_full_step(
                stepper, lambda key, step: next_examined_step if key == "0" else float("inf")
            )
        optimizer.zero_grad()

    def losses(self) -> dict[tuple[str, int], float]:
        self.light_sampling.stop()
        self.curves.flush(last=True)
        series = [(key, self.record.series("loss", key)) for key in self.record.places("loss")]
        return {(key, step): loss for key, curve in series for step, loss in curve}


def both(
    round: str, events: str, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype = torch.float32
) -> tuple[Loop, Loop]:
    """Return the loop as sampled lightly and as read in full; its steps are quick on any machine."""
    ticks = count()
    monkeypatch.setattr(time, "perf_counter", lambda: 1e-5 * next(ticks))
    loops = []
    for longest in (64, 0):
        monkeypatch.setattr(light_sampling, "LONGEST", longest)
        loops.append(Loop(round, dtype))
        loops[-1].go(events)
    return loops[0], loops[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("round", ROUNDS.values(), ids=ROUNDS)
def test_light_sampling_records_the_same_as_full_reading(round, dtype, monkeypatch):
    quick, full = both(round, " ".join([round] * 40), monkeypatch, dtype)
    assert quick.losses() == full.losses()
    assert quick.full < full.full / 2


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("round", ROUNDS.values(), ids=ROUNDS)
def test_a_different_step_pattern_is_read_correctly_at_any_position(round, dtype, monkeypatch):
    events = round.split()
    for broken in range(len(events)):
        strange = [*events[:broken], "a", *events[broken:]]
        order = " ".join([round] * 12 + [" ".join(strange)] + [round] * 12)
        quick, full = both(round, order, monkeypatch, dtype)
        assert quick.losses() == full.losses(), broken
        assert quick.full < full.full


@pytest.mark.slow
@pytest.mark.parametrize("round", ROUNDS.values(), ids=ROUNDS)
@pytest.mark.parametrize("strange", ["", "a A b"], ids=["undisturbed", "disturbed"])
def test_expensive_rounds_of_a_long_watched_run_are_skipped(round, strange, monkeypatch):
    monkeypatch.setattr(light_sampling, "READ_IN_FULL", 30)
    monkeypatch.setattr(light_sampling, "SHARE", 1e-9)
    quick, full = both(round, " ".join([round] * 200 + [strange] + [round] * 100), monkeypatch)
    assert {n: s.steps for n, s in quick.steppers.items()} == {n: s.steps for n, s in full.steppers.items()}
    kept, known = quick.losses(), full.losses()
    assert kept == pytest.approx({key: known[key] for key in kept})
    assert all(step in {s for _, s in kept} for step in range(30))
    assert len(kept) < len(known) / 2


def test_the_step_to_be_measured_is_read_in_full():
    loop = Loop("a A")
    loop.go(" ".join(["a A"] * 20), next_examined_step=20)
    assert loop.steppers["A"].steps == 20 and not loop.light_sampling.is_on
    loop.go(" ".join(["a A"] * 5), next_examined_step=100)
    assert loop.light_sampling.is_on


@pytest.mark.parametrize(("since", "waits"), [(0.0, False), (None, True)], ids=["ours", "watched"])
def test_a_due_probe_without_budget_ends_light_sampling_only_in_our_own_runs(since, waits):
    budget = Budget(0.5, since)
    budget.spent = 1e12
    probe_runner = ProbeRunner([PROBES[0]], budget, None, lambda messages: None)
    assert probe_runner.is_due(7) and probe_runner.next_examined_step("0", 7) == (float("inf") if waits else 7)


def test_fixed_examples_without_budget_do_not_end_light_sampling():
    budget = Budget(0.5, None)
    budget.pass_begins()
    probe_runner = ProbeRunner([PROBES[0]], budget, None, lambda messages: None)
    assert (
        budget.left() > 0
        and not probe_runner.should_tape(7)
        and probe_runner.next_examined_step("0", 7) == float("inf")
    )


def test_slow_steps_are_read_in_full(monkeypatch):
    now = iter(range(10_000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    loop = Loop("a A")
    loop.go(" ".join(["a A"] * 20))
    assert not loop.light_sampling.is_on


def test_an_internal_error_ends_light_sampling_and_is_reported():
    loop, told = Loop("a A"), []
    loop.light_sampling.on_internal_error = told.append
    loop.go(" ".join(["a A"] * 20))
    loop.curves.add_step = None
    assert loop.light_sampling.is_on and loop.light_sampling.read_pass(
        torch.ones(()), SimpleNamespace(f_code=ord("a"), f_lasti=0)
    )
    assert not loop.light_sampling.read_step(loop.optimizers["A"]) and not loop.light_sampling.is_on and len(told) == 1


def test_a_round_is_known_after_two_equal_ones():
    rounds = Rounds()
    told = []
    for _ in range(4):
        rounds.add_backward(Backward("there", "there"))
        told.append(rounds.add_step("0", (0,)))
    known = (Backward("there", "there"), Step("0", (0,)))
    assert told == [None, None, known, known]


def test_a_step_that_uses_an_earlier_rounds_pass_is_not_predicted():
    rounds = Rounds()
    rounds.add_backward(Backward("there", "there"))
    assert not any(rounds.add_step("0", (age,)) for age in range(5))


LOOP = """
import torch

torch.manual_seed(0)
net = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
x, y = torch.randn(256, 4), torch.randn(256, 1)
for step in range(600):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_due_probes_run_even_if_steps_are_fast(observe, tmp_path):
    (tmp_path / "train.py").write_text(LOOP)
    record = observe(Script(tmp_path / "train.py", tmp_path), "trial_run", steps=600, least_steps=600)
    looks = record.series("monitored_loss").steps
    assert len(looks) > 12 and all(later <= 1.5 * earlier + 2 for earlier, later in zip(looks, looks[1:])), looks


WITHIN = """
import torch
from torch.utils.checkpoint import checkpoint

torch.manual_seed(0)
net = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
x, y = torch.randn(256, 4, requires_grad=True), torch.randn(256, 1)


def loss(x):
    return torch.nn.functional.mse_loss(net(x), y)


for step in range(900):
    optimizer.zero_grad()
    value = checkpoint(loss, x, use_reentrant=True) if REENTRANT else loss(x)
    value.backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_a_nested_backward_pass_is_part_of_the_outer_one(observe, tmp_path):
    curves = []
    for reentrant in ("True", "False"):
        (tmp_path / "train.py").write_text(WITHIN.replace("REENTRANT", reentrant))
        # Probes without cost would run at every step, and nested passes cannot be measured.
        record = observe(Script(tmp_path / "train.py", tmp_path), "watch", timed=True)
        curves.append(record.series("loss", "0"))
        assert record.fact(facts.BackwardPasses).backward < 200, "it ends stretches: those are read in full"
    assert curves[0].steps == curves[1].steps == tuple(range(900))
    assert curves[0].values == pytest.approx(curves[1].values, rel=1e-5)


SEARCH = """
import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.05, max_iter=5)
x, y = torch.randn(256, 4), torch.randn(256, 1)


def closure():
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(net(x), y)
    loss.backward()
    return loss


with open("losses", "w") as file:
    for step in range(90):
        print(repr(optimizer.step(closure).item()), file=file)  # the loss before the step
"""


@pytest.mark.slow
def test_a_line_search_records_the_loss_of_its_first_pass(observe, tmp_path):
    (tmp_path / "train.py").write_text(SEARCH)
    record = observe(Script(tmp_path / "train.py", tmp_path), "watch")
    told = [float(line) for line in (tmp_path / "losses").read_text().split()]
    assert record.series("loss", "0").values == pytest.approx(told, rel=1e-6)
    assert record.fact(facts.BackwardPasses).backward > 2 * len(told)
