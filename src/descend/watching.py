"""`descend watch train.py`: somebody's own run, in place, with what is measured in the store."""

import sys

import typer

from descend.errors import UsageError
from descend.options import DEFAULT_STORE, Arguments, AsModule, Python, Target, Where


def watch(
    script: Target,
    arguments: Arguments = None,
    as_module: AsModule = False,
    store: Where = DEFAULT_STORE,
    python: Python = None,
) -> None:
    """Run SCRIPT in place, as plain python would, and record what is measured.

    Its losses stay the same bit for bit, and measuring takes at most 3 % of the loop's time.
    """
    from descend.archive import save_case
    from descend.doctor import conclude, observe
    from descend.notebook import is_notebook
    from descend.plan import Plan
    from descend.record.store import open_store
    from descend.script import find_script
    from descend.symptoms import causes, diagnose
    from descend.trials.prove import Proof

    target = find_script(script, tuple(arguments or ()), as_module=as_module, python=python)
    if is_notebook(target.path):
        raise UsageError(f"{script} is a notebook, which Jupyter runs; descend doctor {script} runs its cells")
    with open_store(store) as kept:
        record = observe(target, Plan(role="watch", store=store), kept, lambda record, messages: None)
        case = conclude(record, diagnose(record), Proof(), "", record.ending.wall_s if record.ending else 0.0)
        save_case(kept, case)
        for what, symptoms in (("finding", case.findings), ("suspicion", causes(list(case.suspicions)))):
            for symptom in symptoms:
                typer.echo(f"descend: {what}: {symptom.sentence}", err=True)
        typer.echo(f"descend: run {record.run}, {record.steps} steps; descend diagnose {record.run}", err=True)
    sys.exit(record.ending.status if record.ending else 0)
