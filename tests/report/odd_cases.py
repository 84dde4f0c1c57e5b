"""Cases with unusual values and texts, and the list of all cases."""

import math
from dataclasses import replace
from pathlib import Path

from cases import (
    FINDINGS,
    SOURCE,
    Build,
    altered,
    dead_units,
    inputs_not_normalised,
    instability_symptom,
    record_of,
    trial_of,
    write_script,
)
from endings import empty, failed_script, healthy, killed

from descend.doctor.case import Case
from descend.doctor.record import Cost, Effect, Note, Reading, Site
from descend.doctor.trials.proof import Proof

BAD = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned=1'>"
    "[bold red]{{ 7 * 7 }}\x1b[31m\u202e</style>%{x}"
)


def not_a_number(root: Path) -> Case:
    """Return a case in which every number that can be missing is NaN or infinite."""
    record = record_of(root)
    for key in (("loss", "0"), ("curvature", "0")):
        values = record.readings[key][1]
        values[:] = [math.nan if i % 2 else math.inf for i in range(len(values))]
    finding = replace(instability_symptom(root), value=math.inf, bound=math.nan)
    script = write_script(root)
    trial = replace(
        trial_of(script, "learning_rate", "learning rate 0.5 → 0.09", "worse", (math.nan, math.nan, math.inf)),
        before=math.nan,
        difference=(-math.inf, math.nan),
    )
    return Case(record, (finding,), proof=Proof(trials=(trial,)), bare_s=0.0, total_s=9.0)


def hostile(root: Path) -> Case:
    """Return a case whose texts are HTML, rich markup, escape sequences, template code or bidirectional marks."""
    case = inputs_not_normalised(root)
    script = write_script(root, "a<b>&'.py")
    record = case.record
    record.script = f"python {BAD}"
    record.environment[BAD] = BAD
    for step in range(0, 60, 20):
        record.add(Reading("dead_share", BAD, step, 0.9))
        record.add(Reading(BAD, BAD, step, 0.9))
    record.extend([Note(BAD, BAD), Effect(BAD, BAD, False), Cost(BAD, 0.1, 1)])
    site = Site("optimizer", "0", str(script.path), 10, 12, 10, 55, BAD, detail=BAD)
    dead = replace(dead_units(root).findings[0], module=BAD, where=site, sentence=BAD, source=BAD, quantity=BAD)
    unknown = replace(dead, id=BAD, evidence=((BAD, BAD), ("dead_share", BAD)), explains=frozenset({BAD + "2"}))
    trial = trial_of(script, BAD, BAD, "proved", (0.083, 0.078, 0.091), SOURCE + f"# {BAD}\n")
    trial = replace(trial, metric=BAD, reason=BAD)
    return altered(case, findings=(dead, unknown), suspicions=(unknown,), trials=(trial,), fix=trial, verified=BAD)


def long_names(root: Path) -> Case:
    """Return a case with very long labels, paths, sentences and modules, and many findings and trials."""
    case = inputs_not_normalised(root)
    long_path = root / "/".join(["a_rather_long_directory_name"] * 6)
    script = write_script(long_path)
    site = Site("optimizer", "0", str(script.path), 10, 12, 10, 55)
    words = "a sentence that goes on about layers " * 30
    first = replace(case.findings[0], where=site, sentence=words, module="encoder.layers." * 20, explains=frozenset())
    ids = ("cliff", "plateau", "overfitting", "schedule", "outliers", "saddle_point")
    others = tuple(replace(first, id=name, evidence=(("loss", "0"),)) for name in ids)
    trials = tuple(
        replace(trial, label=f"{i} " + "learning_rate_and_momentum_" * 12, metric=words, reason=words)
        for i, trial in enumerate(case.trials * 5)
    )
    for i in range(40):
        name = f"module.encoder.layers.{i}." + "attention.output." * 10
        case.record.extend([Reading("dead_share", name, step, i / 40) for step in (0, 300)])
        case.record.add(Note(f"probe_{i}", f"{i} " + words))
    dead = replace(dead_units(root).findings[0], module=name)
    case.record.script = "python train.py " + "--argument value " * 40
    return altered(case, findings=(first, dead, *others), trials=trials, fix=trials[0])


ALL: dict[str, Build] = FINDINGS | {
    build.__name__: build for build in (healthy, empty, failed_script, killed, not_a_number, hostile, long_names)
}
