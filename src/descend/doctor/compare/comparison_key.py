"""The name under which a comparison is stored: equal for two commands if the second one can use the runs of the first.

The budget and the number of seeds are left out, so that a longer command goes on from a shorter one.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from descend.core.bound import Count
from descend.doctor.codemod.imported_files import user_files
from descend.doctor.compare.choice import Choice
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import facts
from descend.doctor.trials.study import Study

MOST_DATA = Count(100, "files", "chosen: a script that reads more files may read a random part of them in each run")
HASHED_BYTES = 1 << 20  # the contents of larger files are not read; their size and modification time are compared
LENGTH = 20  # number of hexadecimal digits, which is enough to never be equal by chance


def comparison_key(study: Study, metric: ComparedMetric, choices: Sequence[Choice]) -> str:
    """Return a digest of everything that determines the results of the runs."""
    script, plan, environment = study.script, study.plan, study.baseline.environment
    versions = [metadata.version("descend"), environment.get("torch", ""), environment.get("python", "")]
    parts = [
        [*versions, study.context.store.where],
        [str(script.path), script.module or "", script.python, *script.arguments],
        [_file_state(study, file) for file in _files(study)],
        [plan.seed, plan.steps, plan.processes, metric.description],
        [[c.label, c.family, sorted(c.fixed.items()), [str(d) for d in c.dimensions], c.starts] for c in choices],
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:LENGTH]


def _files(study: Study) -> list[Path]:
    """Return the sources of the script, and the settings and data that its first run has read, if these are few files.

    Files outside the working directory that no longer exist were temporary.
    """
    script = study.script
    own = [file for name in study.baseline.every(facts.FileRead) if (file := Path(name)).is_relative_to(script.root)]
    read = [*own, *map(Path, study.context.external_files.files)]
    return sorted({*user_files(script), *(file for file in read if len(read) <= MOST_DATA and file.is_file())})


def _file_state(study: Study, file: Path) -> list[str]:
    """Return the path of a file and a digest of its contents, or its size and time if it is large or unreadable."""
    try:
        if file.stat().st_size <= HASHED_BYTES:
            return [str(file), hashlib.sha256(study.script.original_bytes(file)).hexdigest()]
        return [str(file), str(file.stat().st_size), str(file.stat().st_mtime_ns)]
    except OSError:
        return [str(file)]
