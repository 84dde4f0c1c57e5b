"""The command `descend compare`: its options, its help, and one line for wrong usage."""

from dataclasses import replace
from math import inf

import pytest
import typer.main
from compared_choices import RESULTS, SWITCH
from complaints import one_line

from descend.cli import app
from descend.doctor import compare_choices
from descend.doctor.commands import prove
from descend.doctor.compare.requested import Requested, RequestedSetting
from descend.doctor.compare_choices import DEFAULT_TRIALS, ComparisonQuestion
from descend.doctor.trials import cluster


@pytest.fixture
def compare(descend_here, monkeypatch, tmp_path):
    """Run `descend compare train.py` with a comparison that returns a given result, and return what it was called with.

    The returned function returns the ended command, the question and the plan.
    """
    (tmp_path / "train.py").write_text("print('test accuracy 0.9')\n")

    def run(*options: str, result=SWITCH):
        called = {}

        def take(script, question, plan, store, show, announce, cluster=None):
            called.update(question=question, plan=plan, script=script, cluster=cluster)
            announce(2.0, 40, 30)
            announce(2.0, 20, 0)
            return replace(result, baseline=replace(result.baseline, run=0))

        monkeypatch.setattr(compare_choices, "compare_choices", take)
        return descend_here("compare", *options, "train.py"), called

    return run


def test_the_options_become_the_question_and_the_plan(compare):
    done, called = compare(
        *("--optimizers", "SGD,AdamW", "--set", "lr=1e-4:1e-1", "--set", "batch_size=16,64", "--clip", "none,1.0"),
        *("--schedules", "cosine", "--find-lr", "--metric", "test loss", "--margin", "5", "--trials", "4", "--anyway"),
        *("--fresh", "--steps", "100", "--budget", "2m", "--seeds", "3", "--seed", "9", "--jobs", "2"),
    )
    assert done.returncode == 0, done.stderr
    settings = (RequestedSetting("lr", limits=(1e-4, 1e-1)), RequestedSetting("batch_size", ("16", "64")))
    requested = Requested(("SGD", "AdamW"), settings, ("cosine",), (), (inf, 1.0), find_lr=True)
    assert called["question"] == ComparisonQuestion(requested, "test loss", 0.05, 4, anyway=True, fresh=True)
    plan = called["plan"]
    assert (plan.steps, plan.budget_s, plan.seeds, plan.seed, plan.jobs) == (100, 120, 3, 9, 2)
    assert plan.is_fixed and plan.trials == type(plan).trials  # --trials is no limit of the doctor's searches.
    assert called["script"].sources is not None


def test_without_options_the_choices_follow_from_the_script(compare):
    _, called = compare()
    assert called["question"].requested.is_empty and called["question"].trials is None
    assert not called["plan"].is_fixed and called["plan"].budget_s == inf


@pytest.mark.parametrize(
    ("name", "status"), [("switch", 0), ("keep", 0), ("faulty", 1), ("undecided", 3), ("failed", 4)]
)
def test_the_exit_status_follows_from_the_result(compare, name, status):
    done, _ = compare("--format", "agent", result=RESULTS[name])
    assert done.returncode == status and done.stdout.startswith("verdict: ")


def test_the_cost_of_all_runs_is_printed_before_the_first_round(compare):
    done, _ = compare("--jobs", "2")
    planned = "40 runs to tune the choices and 30 runs on fresh seeds take about 1 min 10 s"
    assert f"one run takes about 2.0 s; {planned}" in done.stderr
    assert "20 more runs take about 20 s" in done.stderr


def test_a_cluster_makes_the_runs_if_one_is_named(compare, monkeypatch):
    from contextlib import nullcontext
    from types import SimpleNamespace

    nodes = SimpleNamespace(slots=20)
    monkeypatch.setattr(cluster, "connect", lambda address, plan: nullcontext(nodes if address == "auto" else None))
    done, called = compare("--ray", "auto", "--jobs", "1")
    assert (
        called["cluster"] is nodes
        and "40 runs to tune the choices and 30 runs on fresh seeds take about 8.0 s" in done.stderr
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trials", "0"], "--trials must be a whole number from 1 to 1000, not 0"),
        (["--margin", "10%"], "--margin must be a number from 0.1 to 1000"),
        (["--seeds", "1"], "--seeds must be a whole number from 2 to 1000, not 1"),
        (["--budget", "soon"], "--budget must be a time such as 90s, 2m or 1h"),
        (["--optimizers", "AdamWW"], "AdamW"),
        (["--schedules", "cosin"], "did you mean cosine"),
        (["--set", "lr"], "--set must be NAME=LOW:HIGH or NAME=A,B"),
        (["--ray", "nowhere"], "--ray nowhere is not an address"),
        (["--format", "sarif"], "sarif"),
        (["--sandbox", "none"], "none"),
    ],
)
def test_wrong_usage_is_one_line_with_the_remedy(compare, options, message):
    done, called = compare(*options)
    assert done.returncode == 2 and not called and done.stdout == ""
    assert one_line(done.stderr) and message in done.stderr


def test_a_missing_script_is_named(descend_here):
    done = descend_here("compare", "missing.py")
    assert done.returncode == 2 and "no such script: missing.py" in done.stderr


def test_the_help_has_examples_the_default_and_the_exit_status(descend_here):
    text = " ".join(descend_here("compare", "--help").stdout.replace("│", " ").split())
    assert text.count("• descend compare") == 3 and f"Default: {DEFAULT_TRIALS}." in text
    assert "0 a choice is recommended, or the current setting is kept" in text and "3 undecided" in text


def test_options_that_prove_and_compare_share_are_the_same():
    commands = typer.main.get_command(app).commands
    ours, theirs = ({p.name: p for p in commands[name].params} for name in ("compare", prove.__name__.split(".")[-1]))
    shared = ours.keys() & theirs.keys() - {"settings", "script", "help"}
    assert {"metric", "margin", "steps", "budget", "seeds", "seed", "jobs", "format", "store"} <= shared
    for name in shared:
        assert (ours[name].opts, ours[name].help, ours[name].metavar, ours[name].default) == (
            theirs[name].opts,
            theirs[name].help,
            theirs[name].metavar,
            theirs[name].default,
        )
