"""Properties that every report must have: one function for each, which yields a sentence for each violation."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from math import inf, isclose, isfinite
from pathlib import Path
from tempfile import TemporaryDirectory

from descend.core.errors import UsageError
from descend.doctor.archive import load_case
from descend.doctor.assess.batches import mean_batch_size
from descend.doctor.assess.evaluation_metric import attainable_loss
from descend.doctor.case import Case
from descend.doctor.codemod.unused_definitions import newly_unused
from descend.doctor.record import facts
from descend.doctor.record.database import FILE
from descend.doctor.record.store import open_existing
from descend.doctor.report.formatting import number
from descend.doctor.report.patches import patches
from descend.doctor.report.trial_table import row_metric, shared_metric, table_legend, trial_verdict
from descend.doctor.report.verdict import change_message, headline, verdict
from descend.doctor.script.file_change import FileChange
from descend.doctor.script.script import split_lines
from descend.doctor.script.shared_changes import share_a_change
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.tuning import TUNING

Property = Callable[[Case], Iterator[str]]

NUMBER = r"[-−]?(?:\d[\d.,]*(?:e[-+]?\d+|×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|∞|inf)"
CHANGE = re.compile(rf"({NUMBER}) → ({NUMBER})")
LIMIT = re.compile(r"\bbounds?\b|\blimits?\b|\busual:|[<>] ?\d")
NO_HELP = re.compile(
    r"but (none of the \d+ remedies|the one remedy) tried (helped|did not help)|no remedy could be tried"
)
NO_CHANGE_HELPS = re.compile(r"no change\b.*\bhelps?\b|no change to training can help")
PROVED = ("proved", "train_longer", "suggested")
BETTER = (*PROVED, "helps")
WORSE = 1.2  # times the cost without the edit: the limit of the verdict "worse"
ROUNDING = 1e-6


def violations(case: Case) -> list[str]:
    """Return the inconsistencies in the report of a case; an empty list if all properties hold."""
    return [f"{check.__name__}: {found}" for check in PROPERTIES for found in check(case)]


def sentences(case: Case) -> list[str]:
    """Return all that a report says in sentences."""
    said = [headline(case), verdict(case), case.proof.verified, case.proof.changed, table_legend(case.trials)]
    said += [symptom.sentence for symptom in (*case.findings, *case.suspicions)]
    said += [patch.sentence for patch in patches(case)]
    return [*said, *(text for trial in case.trials for text in (trial.label, trial.reason))]


def printed_changes_have_two_numbers(case: Case) -> Iterator[str]:
    """A sentence with `a → b` prints two different numbers."""
    for text in sentences(case):
        yield from (f"{found[0]} in {text!r}" for found in CHANGE.finditer(text) if found[1] == found[2])


def verbs_agree_with_the_numbers(case: Case) -> Iterator[str]:
    """After `falls (a → b)` the second number is lower, after `rises` or `grows` it is higher."""
    for text in sentences(case):
        for verb, first, last in re.findall(rf"(?<!not )\b(falls|rises|grows) \(({NUMBER}) → ({NUMBER})\)", text):
            before, after = _value(first), _value(last)
            if (after > before) is (verb == "falls"):
                yield f"{verb} ({first} → {last}) in {text!r}"


def verdicts_agree_with_the_numbers(case: Case) -> Iterator[str]:
    """The verdict of a row agrees with its numbers and the table's legend."""
    for trial in (t for t in case.trials if t.was_judged):
        row = f"{trial.label!r} ({trial.verdict}, {number(trial.before)} → {number(trial.after)}, gain {trial.gain})"
        if trial.verdict in BETTER and not trial.after < trial.before:
            yield f"{row} is no better"
        if trial.verdict in PROVED and not trial.gain[0] > 0:
            yield f"{row} is not surely better"
        if trial.verdict == "no_effect":
            yield from _too_little(trial, row)
        if trial.verdict == "worse" and isfinite(trial.after) and not trial.after > WORSE * trial.before - ROUNDING:
            yield f"{row} is not worse by a fifth"


def _too_little(trial: Trial, row: str) -> Iterator[str]:
    gain = _typical_gain(trial)
    if isfinite(gain) and gain > trial.least_gain + ROUNDING:
        yield f"{row} takes off more than the {trial.least_gain:.0%} that would be enough"
    if isfinite(trial.before) and trial.after > WORSE * trial.before + ROUNDING:
        yield f"{row} is worse by more than a fifth"
    if trial.least_gain != 0.2 and f"{trial.least_gain:.0%}"[:-1] not in trial_verdict(trial):
        yield f"{row} does not say that it needs {trial.least_gain:.0%}"


def no_change_helps_is_true(case: Case) -> Iterator[str]:
    """If a sentence states that no change helps, no trial shows a gain."""
    gains = [t for t in case.trials if t.was_judged and t.verdict != "worse" and _typical_gain(t) >= t.least_gain]
    texts = [text for text in sentences(case) if NO_HELP.search(text) or NO_CHANGE_HELPS.search(text)]
    yield from (f"{text!r}, and {t.label!r} takes off {_typical_gain(t):.0%}" for text in texts for t in gains)


def a_finding_has_one_limit(case: Case) -> Iterator[str]:
    """A sentence of a finding holds at most one limit."""
    for symptom in (*case.findings, *case.suspicions):
        for text in symptom.sentence.split(". "):
            if len(found := LIMIT.findall(text)) > 1:
                yield f"{symptom.id} names {', '.join(found)} in {text!r}"


def each_verdict_has_its_metric(case: Case) -> Iterator[str]:
    """Each compared trial names its metric; a row with another metric than the table's names its own."""
    shared = shared_metric(case.trials)
    for trial in (t for t in case.trials if t.was_judged):
        if not (trial.metric and trial.quantity):
            yield f"{trial.label!r} has no metric"
        elif not row_metric(trial, shared) and trial.quantity not in shared:
            yield f"{trial.label!r} is judged by {trial.quantity}, and the table by {shared}"
    for text in (verdict(case), *(patch.sentence for patch in patches(case))):
        if case.fix and (numbers := f"{number(case.fix.before)} → {number(case.fix.after)}") in text:
            if change_message(case.fix) not in text:
                yield f"{numbers} without a metric in {text!r}"


def an_edit_has_one_trial(case: Case) -> Iterator[str]:
    """No two trials have the same edited source."""
    seen: dict[str, str] = {}
    for trial in (t for t in case.trials if t.patch and t is not case.tuning):
        if trial.patch in seen:
            yield f"{trial.label!r} and {seen[trial.patch]!r} are the same edit"
        seen[trial.patch] = trial.label


def a_problem_has_one_finding(case: Case) -> Iterator[str]:
    """No two findings are the same problem at the same line, and no finding is explained by another one."""
    told = [(finding.id, finding.where and (finding.where.file, finding.where.line)) for finding in case.findings]
    yield from (f"{finding} is reported twice" for finding in {t for t in told if told.count(t) > 1})
    won = [trial for trial in case.trials if trial.verdict in (*BETTER, "partly_fixes")]
    for i, finding in enumerate(case.findings):
        for later in case.findings[i + 1 :]:
            edits = [[t.patch for t in won if each.id in t.symptoms] for each in (finding, later)]
            if edits[1] and edits[0] == edits[1] and not later.certain and later.id not in finding.explains:
                yield f"{finding.id} and {later.id} are removed by the same edits alone"


def a_suspicion_is_no_fact(case: Case) -> Iterator[str]:
    """If there are findings, no suspicion is also reported as a fact."""
    withdrawn = {symptom.id for symptom, _ in case.withdrawn_findings}
    facts = [s for s in case.suspicions if s.certain and s.id not in withdrawn]
    yield from (f"{s.id} is suspected, and {s.certainty}" for s in facts if case.findings)


def a_fix_holds_no_tuning(case: Case) -> Iterator[str]:
    """A fix that is proved without tuning contains no tuning."""
    cure = case.fix
    for trial in case.trials if cure else ():
        more = set(cure.remedies) - set(trial.remedies) if cure else set()
        if cure and set(trial.remedies) < set(cure.remedies) and more <= TUNING and trial.verdict in PROVED:
            yield f"the fix is {cure.label!r}, and {trial.label!r} is proved without {', '.join(more)}"


def an_unproved_patch_shares_nothing_with_the_fix(case: Case) -> Iterator[str]:
    """No edit of the proved patch is offered again as unproved, and no edit with a gain as one without."""
    found = {patch.kind: patch for patch in patches(case)}
    unproved = found.get("not_proved")
    if unproved and "fix" in found and share_a_change(unproved.diff, found["fix"].diff):
        yield f"{unproved.sentence!r} is part of the proved patch"
    if (
        unproved
        and "no gain" in unproved.sentence
        and case.unproved_trial
        and case.unproved_trial.after < case.unproved_trial.before
    ):
        yield f"{unproved.sentence!r} over {change_message(case.unproved_trial)}"


def an_excess_is_named(case: Case) -> Iterator[str]:
    """If an attainable loss is subtracted from numbers, it is named."""
    floor = attainable_loss(case.record)
    for trial in (t for t in case.trials if floor and t.was_judged and t.judged_on in ("fixed", "spread")):
        if not (trial.floor and "attainable" in trial.metric and number(trial.floor) in change_message(trial)):
            yield f"{change_message(trial)!r} is an excess over {floor:.3g}"


def a_percentage_is_of_what_is_printed(case: Case) -> Iterator[str]:
    """The printed gain is that of the printed numbers, as far as rounding and means allow."""
    for trial in (t for t in case.trials if t.was_judged and isfinite(t.after) and 0 < t.before < inf):
        low, high = trial.gain
        share = max(trial.after / trial.before, 0.01)  # Less than a hundredth counts as a hundredth.
        if isfinite(low) and isfinite(high) and not 0.5 * (1 - high) <= share <= 2 * (1 - low):
            yield f"{change_message(trial)} is printed with a gain of {low:.3f} to {high:.3f}"


def suggestions_describe_the_script(case: Case) -> Iterator[str]:
    """A number or class of the script in a sentence is the one in the record."""
    record, size = case.record, mean_batch_size(case.record)
    rates = [value for (name, _), (_, values) in record.readings.items() if name == "learning_rate" for value in values]
    rates += [optimizer.lr for optimizer in record.every(facts.Optimizer).values() if optimizer.lr]
    classes = {scheduler.rule for scheduler in record.every(facts.Scheduler).values()}
    classes |= {site.detail for site in record.sites}
    for text in sentences(case):
        for old in re.findall(r"batch size ([\d.]+) →", text):
            if size and abs(float(old) - size) > 0.5:
                yield f"the batches have {size:g} examples: {text!r}"
        for old in re.findall(rf"learning rate ({NUMBER}) →", text):
            if rates and not any(isclose(_value(old), rate, rel_tol=0.1) for rate in rates):
                yield f"no step has that learning rate: {text!r}"
        for told in re.findall(r"each step averages ([\d.]+) examples", text):
            if size and abs(float(told) - size) > 0.5:
                yield f"the batches have {size:g} examples: {text!r}"
        for made in re.findall(r"the (\w+(?:LR|Plateau|Scheduler|WarmRestarts)) only indirectly", text):
            if made not in classes:
                yield f"the script makes no {made}: {text!r}"


def an_interruption_is_reported(case: Case) -> Iterator[str]:
    """After Ctrl-C the verdict states it, and is not "no problem found"."""
    if case.proof.interrupted and "interrupt" not in verdict(case) and case.status != "script_failed":
        yield f"{verdict(case)!r} does not say that it was interrupted"
    if case.proof.interrupted and case.status == "healthy":
        yield "an interrupted consultation is healthy"


def a_patch_leaves_nothing_dead(case: Case) -> Iterator[str]:
    """The patch leaves no unused setting or function in the script."""
    for made in case.changes:
        if (texts := _texts(made)) and (dead := newly_unused(*texts)):
            yield f"the patch of {made.file} leaves {', '.join(sorted(dead))} newly_unused"


def _texts(made: FileChange) -> tuple[str, str] | None:
    """Return the text of a file before and after a patch; None if the file is gone or has changed."""
    file = Path(made.file)
    if file.suffix != ".py" or not file.is_file() or sha256(file.read_bytes()).hexdigest() != made.before:
        return None
    before = file.read_text()
    lines = split_lines(before)
    for start, end, text in reversed(made.lines):
        lines[start:end] = [text]
    return before, "".join(lines)


def _typical_gain(trial: Trial) -> float:
    """Return the gain that decides a verdict; for a single pair, that of its numbers."""
    low, high = trial.gain
    if isfinite(low) and isfinite(high):
        return 1 - max(0.0, (1 - low) * (1 - high)) ** 0.5
    return 1 - trial.after / trial.before if isfinite(trial.after) and 0 < trial.before < inf else float("nan")


def _value(text: str) -> float:
    return float(text.replace("−", "-").replace(",", "").replace("∞", "inf")) if "×" not in text else float("nan")


PROPERTIES: tuple[Property, ...] = (
    printed_changes_have_two_numbers,
    verbs_agree_with_the_numbers,
    verdicts_agree_with_the_numbers,
    no_change_helps_is_true,
    a_finding_has_one_limit,
    each_verdict_has_its_metric,
    an_edit_has_one_trial,
    a_problem_has_one_finding,
    a_suspicion_is_no_fact,
    a_fix_holds_no_tuning,
    an_unproved_patch_shares_nothing_with_the_fix,
    an_excess_is_named,
    a_percentage_is_of_what_is_printed,
    suggestions_describe_the_script,
    an_interruption_is_reported,
    a_patch_leaves_nothing_dead,
)


def assert_consistent(folder: Path) -> None:
    """Fail if a case in the store of a folder is inconsistent. A missing or unreadable store is ignored.

    Another process copies the store: a test may hold it open, and closing a file here would drop its locks.
    """
    if not (folder / FILE).is_file():
        return
    with TemporaryDirectory() as copy:
        subprocess.run(["cp", "-p", *map(str, folder.glob(f"{FILE}*")), copy], check=True)
        with suppress(UsageError), open_existing(Path(copy)) as store:
            cases = [load_case(store, row.number) for row in store.runs()]
            found = [f"run {case.record.run}: {said}" for case in cases for said in violations(case)]
            if found:
                raise AssertionError("\n".join(["the report is inconsistent", *found]))
