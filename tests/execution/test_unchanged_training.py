"""Watched and unwatched runs are equal bit by bit: losses, weights, random states and hooked attributes."""

import pytest
from sampling import sampled

from descend.doctor.record import facts

VICTIMS = {
    "evaluations": ("evaluates.py",),
    "workers_forked": ("workers.py", "fork"),
    "workers_spawned": ("workers.py", "spawn"),
    "stream": ("workers.py", "stream"),
    "stream_workers": ("workers.py", "stream_workers"),
    "function_mode": ("corners.py", "mode"),
    "default_device": ("corners.py", "device"),
    "checkpoint": ("corners.py", "checkpoint"),
    "checkpoint_reentrant": ("corners.py", "checkpoint_reentrant"),
    "custom_function": ("corners.py", "function"),
    "thread": ("corners.py", "thread"),
}
USUAL = ("workers_forked", "function_mode")


@pytest.mark.slow
@pytest.mark.parametrize("victim", sampled(VICTIMS, *USUAL))
def test_watched_and_unwatched_runs_are_equal(stage, victim):
    name, *arguments = VICTIMS[victim]
    losses, records = stage.unharmed(name, *arguments)
    for record in records:
        assert list(record.series("loss", "0").values) == pytest.approx(losses["0"], rel=1e-6)


@pytest.mark.slow
def test_compiled_code_is_the_same_in_a_watched_run(stage):
    plain = stage.plainly("compiled.py", "aot_eager")
    seen = stage.observed("watch", "compiled.py", "aot_eager")
    assert seen.own_log == plain.own_log
    assert any("torch.compile" in note.reason for note in seen.record.notes)
    # The first ten steps are eager; steps inside a compiled function cannot be seen.
    assert list(seen.record.series("loss", "0").values)[:10] == pytest.approx(plain.losses["0"][:10], rel=1e-6)


@pytest.mark.slow
def test_our_own_runs_do_not_compile(stage):
    """All steps are seen, including those inside a function that the script compiles."""
    plain = stage.plainly("compiled.py", "aot_eager")
    seen = stage.observed("baseline", "compiled.py", "aot_eager")
    assert list(seen.record.series("loss", "0").values) == pytest.approx(plain.losses["0"], rel=1e-4)
    assert seen.record.fact(facts.Monitor) and len(seen.record.series("curvature", "0"))
    assert [note.reason for note in seen.record.notes if note.probe == "torch.compile"]
