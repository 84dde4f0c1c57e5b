"""The early step on which a watched run's wiring is checked, and the steps at which its modules' modes are sent."""

from dataclasses import replace
from math import inf
from types import SimpleNamespace

import torch
from hypothesis import given
from hypothesis import strategies as st

from descend.doctor.instrumentation.early_recording import EARLY_STEPS, EarlyRecording
from descend.doctor.instrumentation.mode_reports import ModeReports
from descend.doctor.instrumentation.probe_runner import ProbeRunner
from descend.doctor.instrumentation.sparse_steps import GROWTH, next_sparse_step
from descend.doctor.instrumentation.steps.backward_passes import BackwardPass
from descend.doctor.instrumentation.steps.budget import UNTRIED_S, UNTRIED_STEPS, Budget
from descend.doctor.record import Record, facts
from descend.doctor.tape import Tape

LIMIT = UNTRIED_S / UNTRIED_STEPS  # seconds of a pass


def test_only_early_steps_of_a_watched_run_are_recorded():
    watched, ours = EarlyRecording(Budget(0.02, None)), EarlyRecording(Budget(0.5, 0.0))
    assert [step for step in range(100) if watched.is_due(step)] == list(EARLY_STEPS)
    assert not any(ours.is_due(step) for step in range(100))
    watched.end()
    assert not any(watched.is_due(step) for step in range(100))


def test_long_steps_are_checked_later():
    early, counted = EarlyRecording(Budget(0.02, None)), EarlyRecording(Budget(0.02, None, timed=False))
    assert early.delays_checks(1, 1.1 * LIMIT) and not early.delays_checks(1, 0.9 * LIMIT)
    assert not early.delays_checks(EARLY_STEPS.stop, inf)
    assert not counted.delays_checks(1, inf)  # If steps are counted, measuring takes no time.


def recorded_pass(weight: torch.Tensor, used: torch.Tensor) -> tuple[BackwardPass, object]:
    """Return a backward pass that reaches `weight`, and a recording of a loss that uses `used`."""
    tape = Tape((), lambda frame: None)
    tape.start()
    loss = (torch.ones(3) @ used).square()
    recording = tape.finalise(loss)
    return BackwardPass(1, "0", None, (weight,), (torch.ones(3),), loss.detach(), 1), recording


def test_the_step_is_checked_at_the_end_of_a_run_that_is_long_enough():
    budget, weight = Budget(0.02, None), torch.nn.Parameter(torch.ones(3))
    early = EarlyRecording(budget)
    early.keep(*recorded_pass(weight, weight))
    budget.steps = 15
    assert early.step_to_check(None) is None
    budget.steps = 16
    passed, recording = early.step_to_check(None)
    assert passed.parameters == (weight,) and recording is not None and not passed.gradients
    assert early.step_to_check(passed) == (passed, None)  # Fixed batches have been verified, so they are preferred.
    early.interrupt()
    assert early.step_to_check(passed) is None


def test_a_recording_that_misses_a_reached_parameter_is_not_checked():
    budget, weight = Budget(0.02, None), torch.nn.Parameter(torch.ones(3))
    early, budget.steps = EarlyRecording(budget), 100
    early.keep(*recorded_pass(weight, torch.nn.Parameter(torch.ones(3))))
    assert early.delayed is not None and early.step_to_check(None) is None


def test_the_kept_step_is_freed_once_the_fixed_batches_replace_it(monkeypatch):
    weight, modules = torch.nn.Parameter(torch.ones(3)), SimpleNamespace(embeddings=lambda: {})
    runner = ProbeRunner([], Budget(0.02, None), modules, Record().extend)
    monkeypatch.setattr(runner.tape, "is_faithful", lambda recording, passed: True)
    passed, recording = recorded_pass(weight, weight)
    runner.early.keep(passed, recording)
    runner.batches.most_examples = 2 * recording.batch_size
    runner.after_backward(replace(passed, step=EARLY_STEPS.stop), recording)
    assert runner.early.delayed is not None and not runner.monitor
    runner.after_backward(replace(passed, step=EARLY_STEPS.stop + 1), recorded_pass(weight, weight)[1])
    assert runner.monitor and runner.early.delayed is None


def test_a_restart_records_early_steps_and_reports_modes_from_the_first_step_again():
    record, weight = Record(), torch.nn.Parameter(torch.ones(3))
    modules = SimpleNamespace(has_model=True, modules_in_eval_mode=lambda: ["1"], unfitted_batch_norms=lambda: [])
    runner = ProbeRunner([], Budget(0.02, None), modules, record.extend)
    runner.early.keep(*recorded_pass(weight, weight))
    runner.early.end()
    for steps in range(1, 30):
        runner.modes.step_ended(steps)
    sent = len(record.history(facts.Modes))
    runner.restart()
    assert runner.early.delayed is None and runner.early.is_due(EARLY_STEPS.start)
    runner.modes.step_ended(1)
    assert len(record.history(facts.Modes)) == sent + 1


@given(st.integers(0, 10**9))
def test_the_schedule_grows_by_a_constant_factor(step):
    following = next_sparse_step(step)
    assert following > step and following <= max(step + 1, GROWTH * step + 1)


def test_modes_are_sent_at_sparse_steps_once_a_model_is_known():
    record, modules = Record(), SimpleNamespace(has_model=False, unfitted_batch_norms=lambda: [])
    modules.modules_in_eval_mode = lambda: ["1"]
    reports = ModeReports(modules, record.extend, is_on=True)
    reports.step_ended(1)
    assert not record.every(facts.Modes) and reports.next_step == inf
    modules.has_model = True
    for steps in range(2, 102):
        reports.step_ended(steps)
    sent = [seen.step for seen in record.history(facts.Modes)]
    assert sent[:5] == [1, 2, 3, 5, 7] and len(sent) < 16 and sent[-1] > 70
    quiet = ModeReports(modules, record.extend, is_on=False)
    quiet.step_ended(1)
    assert len(record.history(facts.Modes)) == len(sent) and quiet.next_step == inf


def test_no_modes_are_due_in_a_script_without_a_model_even_after_a_measurement():
    modules = SimpleNamespace(has_model=False, modules_in_eval_mode=lambda: [], unfitted_batch_norms=lambda: [])
    reports = ModeReports(modules, Record().extend, is_on=True)
    reports.report(150)  # Otherwise every later step would be read in full, since the modes are never sent.
    assert reports.next_step == inf
