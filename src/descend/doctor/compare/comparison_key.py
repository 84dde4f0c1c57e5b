"""The key under which a comparison is stored: two commands that ask the same question have the same key."""

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata

from descend.doctor.codemod.imported_files import user_files
from descend.doctor.compare.choice import Choice
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.trials.study import Study

LENGTH = 16  # number of hexadecimal digits of a key


def comparison_key(study: Study, metric: ComparedMetric, choices: Sequence[Choice], budget_steps: int) -> str:
    """Return a digest of everything on which the runs of a comparison depend.

    These are the user's files with code, the arguments, the choices, the seed, the lengths of the runs and the versions
    of the packages. The first loss of the baseline stands for the data.
    """
    script, plan, losses = study.script, study.plan, study.baseline.series("loss", "0")
    parts = [
        [[str(file), script.read(file)] for file in user_files(script)],
        list(script.arguments),
        [[c.label, [repr(d) for d in c.dimensions], repr(c.starts), c.family, repr(c.fixed)] for c in choices],
        [metric.judged_on, metric.name],
        [plan.seed, plan.steps, plan.processes, plan.threads, budget_steps],
        [metadata.version(name) for name in ("descend", "torch", "optuna")],
        [study.baseline.seed, study.baseline.steps, repr(losses.first)],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:LENGTH]
