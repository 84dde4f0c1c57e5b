"""The search with real runs of a tiny script: results, storage, and what is read again from the store."""

from dataclasses import replace
from math import inf

import pytest
from real import TEXT, own_rate, search_of, set_rate, study_of

from descend.doctor.compare.choice import CURRENT
from descend.doctor.compare.stored_comparison import StoredComparison, open_comparison
from descend.doctor.prove.metric import choose_metric
from descend.doctor.prove.result import summarise_run
from descend.doctor.record.store import open_store
from descend.doctor.trials.effect import is_same_run
from descend.doctor.trials.study import Job


@pytest.fixture(scope="module")
def study(tmp_path_factory, shared_fork_server):
    folder = tmp_path_factory.mktemp("script")
    with open_store(folder / ".descend") as store:
        yield study_of(folder, store, shared_fork_server.get())


def test_a_tuned_rate_is_better_than_the_present_one(study):
    search = search_of(study, StoredComparison.in_memory())
    search.run()
    [tuned] = search.tuned
    assert tuned.tried[0].values == {"lr": 0.01} and tuned.best.cost < 0.5 * tuned.tried[0].cost
    assert "LR = 10" in tuned.script.read(tuned.script.path) or tuned.best.values["lr"] > 0.05
    assert all(run.run > 0 and run.steps == 30 for run in tuned.tried if not run.is_stopped_early)
    assert len(search.run_numbers) == len({run.run for run in tuned.tried})


def test_faulty_changed_and_diverging_runs_have_reasons(study):
    edits = {
        0.01: lambda text: text.replace("zero_grad()", "zero_grad(1, 2, 3)"),
        1.0: lambda text: text.replace(", y)", ", y) / (step < 2)"),
        2.0: lambda text: text.replace("test loss", "other loss"),
        3.0: lambda text: text.replace("LR = 0.01", "LR = 0.3"),
    }

    def edit(script, values):
        return script.edit(script.path, edits.get(values["lr"], str)(script.read(script.path)))

    choice = replace(own_rate(edit), starts=tuple({"lr": lr} for lr in edits))
    search = search_of(study, StoredComparison.in_memory(), choice, runs=5)
    search.run()
    [tuned] = search.tuned
    found = {run.values["lr"]: run for run in tuned.tried[:5]}
    assert "fails" in found[0.01].reason and "TypeError" in found[0.01].reason
    assert "infinite or NaN" in found[1.0].reason
    assert "does not log" in found[2.0].reason
    assert all(found[lr].cost == inf for lr in (0.01, 1.0, 2.0))
    assert tuned.best == found[3.0] and found[3.0].reason == ""


def test_a_record_from_the_store_has_the_same_results_as_the_live_one(study):
    metric = choose_metric(study.baseline)
    for script in (study.script, set_rate(study.script, {"lr": 0.3})):
        [live] = study.run([Job(script, 3, study.plan.steps)])
        loaded = study.context.store.load(live.run)
        assert loaded is not live and is_same_run(loaded, live) and is_same_run(live, loaded)
        for reread in (loaded, study.context.store.load(live.run)):
            assert repr(summarise_run(reread, study.baseline, metric)) == repr(
                summarise_run(live, study.baseline, metric)
            )
        assert metric.cost(loaded, study.baseline) == metric.cost(live, study.baseline) > 0
    baseline = study.context.store.load(study.baseline.run)
    assert choose_metric(baseline) == metric
    assert metric.cost(live, baseline) == metric.cost(live, study.baseline)


def test_a_second_command_reads_all_results_and_makes_no_run(study):
    store = study.context.store
    with open_comparison(store, "reused") as storage:
        first = search_of(study, storage)
        first.run()
        storage.note_run(CURRENT, 7, 123)
        storage.note_run("SGD", 7, 0)  # The store has not accepted this run.
    refusing = replace(study, context=replace(study.context, store=store))
    object.__setattr__(refusing, "run", lambda jobs: pytest.fail("a run was made"))
    with open_comparison(store, "reused") as storage:
        again = search_of(refusing, storage)
        again.run()
        assert storage.runs_of(CURRENT)[7] == 123 and storage.runs_of("SGD") == {}
    assert again.tuned == first.tuned or repr(again.tuned) == repr(first.tuned)
    assert again.run_numbers == first.run_numbers and first.run_numbers
    with open_comparison(store, "reused", fresh=True) as storage:
        assert search_of(study, storage).tuned[0].tried == () and storage.runs_of(CURRENT) == {}


def test_a_larger_budget_goes_on_from_a_smaller_one(study):
    storage = StoredComparison.in_memory()
    small, large = search_of(study, storage, runs=2), search_of(study, storage, runs=4)
    small.run()
    large = search_of(study, storage, runs=4)
    large.run()
    assert large.tuned[0].tried[:2] == small.tuned[0].tried and len(large.tuned[0].tried) >= 4


def test_the_run_of_the_unchanged_script_is_made_again_if_the_store_has_lost_it(study):
    storage = StoredComparison.in_memory()
    search_of(study, storage, runs=1).run()
    seed = next(iter(storage.runs_of(CURRENT)))
    storage.note_run(CURRENT, seed, 999_999_999)
    search = search_of(study, storage, runs=2)
    search.run()
    assert storage.runs_of(CURRENT)[seed] != 999_999_999 and search.tuned[0].best is not None


def test_a_metric_that_is_logged_only_at_the_end_stops_no_run(tmp_path, shared_fork_server):
    text = TEXT.replace("    if step % 3 == 2:\n        print", "print")
    with open_store(tmp_path / ".descend") as store:
        search = search_of(study_of(tmp_path, store, shared_fork_server.get(), text), StoredComparison.in_memory())
        search.run()
    [tuned] = search.tuned
    assert len(tuned.tried) == 4 and not any(run.is_stopped_early for run in tuned.tried)


def test_a_clearly_worse_run_is_stopped_at_a_third_of_its_steps(study):
    choice = replace(own_rate(), starts=({"lr": 1.0}, {"lr": 0.0005}))
    sequential = study.sequential()
    search = search_of(sequential, StoredComparison.in_memory(), choice, runs=3)
    search.run()
    first, second = search.tuned[0].tried[:2]
    assert not first.is_stopped_early and second.is_stopped_early
    assert 10 <= second.steps <= 15 and second.cost == inf and second.run > 0
