"""`descend.run_doctor("train.py")`: the doctor as a Python function, which returns the diagnosis as an object."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from descend.core.errors import UsageError
from descend.doctor.case import Case
from descend.doctor.commands.doctor_plan import check_flag, make_plan, read_path, read_texts
from descend.doctor.commands.options import DEFAULT_STORE
from descend.doctor.report.consultation import Consultation
from descend.doctor.script.plan import Plan

if TYPE_CHECKING:
    from descend.doctor.record.store import Store
    from descend.doctor.script.script import Script

TEXT_WIDTH = 100  # columns of the text report


def run_doctor(  # noqa: PLR0913 - each argument is an option of the command
    script: str | os.PathLike[str],
    *,
    arguments: Sequence[str | os.PathLike[str]] = (),
    as_module: bool = False,
    quick: bool = False,
    budget: str | float | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    seeds: int = Plan.seeds,
    seed: int = Plan.seed,
    jobs: int | None = None,
    processes: int | None = None,
    ray: str | None = None,
    trials: int = Plan.trials,
    suggest: bool = False,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    allow_effects: bool = False,
    sandbox: str = "auto",
    store: str | os.PathLike[str] = DEFAULT_STORE,
    python: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Consultation:
    """Find out why a script isn't training, try fixes on copies of it, and prove one of them.

    This is `descend doctor` as a function. The script runs in separate processes, in a scratch copy of the working
    directory. If the user presses Ctrl-C, the function returns what is known so far.

    Parameters
    ----------
    script : str or os.PathLike
        The training script or notebook. With `as_module`, the name of a module.
    arguments : sequence of str or os.PathLike
        Arguments for the script itself.
    as_module : bool
        Whether `script` is the name of a module, as in `python -m`.
    quick : bool
        Only observe the script, in one run of at most about twice its time, and try no remedy.
    budget : str or float, optional
        Take at most this long in total: seconds, or a text such as "90s", "2m" or "1h". Default: no limit.
    steps : int, optional
        Observe this many optimizer steps. Default: 1000, or 300 if 300 steps take longer than 5 s.
    seconds : float, optional
        Observe at most this many seconds of training, and wait as long for its start. Default: 60, and 600 for the
        start.
    seeds : int
        Confirm a fix on this many new seeds, and on the same number again if the result is still unclear.
    seed : int
        Add this number to every seed that the script sets.
    jobs : int, optional
        Run this many trials in parallel. Default: one per core.
    processes : int, optional
        The number of processes of a script written for torchrun. Default: as many as torchrun started, or 1.
    ray : str, optional
        Run the trials on the Ray cluster at this address; "auto" uses a running cluster.
    trials : int
        If no known problem explains the failure, try at most this many edits in each search.
    suggest : bool
        If no problem is found, also try small improvements.
    select : sequence of str
        Check only for the problems with these ids. Default: all problems.
    ignore : sequence of str
        Do not check for the problems with these ids.
    allow_effects : bool
        Let the script write files, open connections and start programs outside the scratch copy.
    sandbox : {"auto", "namespaces", "landlock", "hooks"}
        How the script is isolated; "auto" is the strongest level that the machine supports.
    store : str or os.PathLike
        Store the runs in this folder or database.
    python : str or os.PathLike, optional
        Run the script with this Python interpreter. Default: the interpreter of this process.
    progress : bool
        Print the progress on standard error.

    Returns
    -------
    Consultation
        The verdict, the findings, the patch, and the path of the HTML report.

    Raises
    ------
    TypeError, ValueError
        If an option has the wrong type, or is outside its limits.
    UsageError
        If there is no such script, it is too short to be judged, or an id is unknown. Also in a process that torchrun
        has started with a rank above 0.

    Examples
    --------
    >>> consultation = descend.run_doctor("train.py")
    >>> print(consultation.verdict)
    """
    from descend.doctor.execution.interpreter import check_interpreter
    from descend.doctor.sandbox.world import is_other_rank
    from descend.doctor.script.script import find_script

    if is_other_rank(os.environ):
        raise UsageError("run_doctor: call it in one process of the torchrun group only: if os.environ['RANK'] == '0'")
    plan = make_plan(
        quick=quick,
        budget=budget,
        steps=steps,
        seconds=seconds,
        seeds=seeds,
        seed=seed,
        jobs=jobs,
        processes=processes,
        trials=trials,
        suggest=suggest,
        select=select,
        ignore=ignore,
        allow_effects=allow_effects,
        sandbox=sandbox,
    )
    for name, flag in (("as_module", as_module), ("progress", progress)):
        check_flag(name, flag)
    if ray is not None and not isinstance(ray, str):
        raise TypeError(f"run_doctor: ray must be the address of a cluster, such as ray='auto', not {ray!r}")
    path, folder = read_path("script", script, "train.py"), read_path("store", store, DEFAULT_STORE)
    interpreter = None if python is None else check_interpreter(read_path("python", python, "venv/bin/python"))
    given = read_texts("arguments", arguments, "--epochs", "3")
    target = find_script(path, given, as_module=as_module, python=interpreter)
    return consult(target, plan, store=folder, ray=ray, progress=progress)


def consult(script: "Script", plan: Plan, *, store: str, ray: str | None, progress: bool) -> Consultation:
    """Diagnose a script, store the results with the HTML report, and return them.

    Raises `UsageError` if the run is too short to be judged, or if the store cannot be opened.
    """
    from descend.doctor.commands.finish_consultation import store_case
    from descend.doctor.commands.terminal import say
    from descend.doctor.record.store import open_store

    with open_store(store) as kept:
        case = diagnose_script(script, plan, kept, ray, progress=progress)
        case.require_enough_steps()
        failure = store_case(case, kept, store)
        if failure := kept.failure or failure:
            say(f"some results could not be stored: {failure}")
        return _describe(case, None if failure else kept.folder / str(case.record.run) / "report.html", store)


def diagnose_script(script: "Script", plan: Plan, store: "Store", ray: str | None, *, progress: bool = True) -> Case:
    """Run the pipeline on a script and return the case; with `progress`, print the progress on standard error."""
    from contextlib import nullcontext

    from descend.doctor.pipeline import doctor
    from descend.doctor.trials.cluster import connect

    with nullcontext() if ray is None else connect(ray, plan) as cluster:
        if not progress:
            return doctor(script, plan, store, lambda record, messages: None, cluster)
        from descend.doctor.commands.progress_display import ProgressDisplay
        from descend.doctor.commands.terminal import console, say
        from descend.doctor.sandbox.confinement import sandbox_message

        if not plan.allow_effects and (left_open := sandbox_message(plan.sandbox)):
            say(left_open)
        with ProgressDisplay(console(stderr=True), plan) as display:
            return doctor(script, plan, store, display.show, cluster, display.show_fix)


def _describe(case: Case, report: Path | None, store: str) -> Consultation:
    """Return a case with its verdict, its report as text and its summary as HTML."""
    from descend.doctor.commands.terminal import plain_text
    from descend.doctor.report import render_console
    from descend.doctor.report.summary import render_summary
    from descend.doctor.report.verdict import verdict

    shown = render_console(case, report.parent if report else None, store=store, has_page=report is not None)
    summary = render_summary(case, report, store=store)
    return Consultation(case, verdict(case), plain_text(shown, TEXT_WIDTH), summary, report)
