"""The report on the terminal: verdict, findings, trials, patch, on one screen.

Text from a script (labels, paths, messages) is never read as markup and contains no control characters.
"""

import re
import shlex
from pathlib import Path

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus
from descend.doctor.redaction import mask_secrets
from descend.doctor.report.causes import causes
from descend.doctor.report.formatting import count, number, one_line, place, sentence, working_directory
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.observed_steps import observed_message
from descend.doctor.report.patches import Patch, patches
from descend.doctor.report.performed_checks import checks_message, checks_table
from descend.doctor.report.titles import heading, heading_with_id, title_with_id
from descend.doctor.report.trial_table import row_metric, shared_metric, table_legend, trial_verdict
from descend.doctor.report.unified_diff import read_source_diff, summarise_diff
from descend.doctor.report.verdict import (
    before_and_after,
    can_be_judged,
    is_clean,
    refutation_message,
    trials_message,
    verdict,
)
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

STORE = Path(".descend")  # default folder in which runs are stored
WIDEST = 120  # largest width in columns; longer lines are hard to read
LABEL_WIDTH = 9
MOST_FINDINGS, MOST_TRIALS = 3, 5  # largest numbers of findings and trials that are printed
SENTENCE_LENGTH, PLACE_LENGTH, REMEDY_LENGTH, LINE_LENGTH = 330, 40, 72, 140
VERDICT_STYLES: dict[str, str] = {
    Verdict.PROVED: "bold green",
    Verdict.TRAIN_LONGER: "bold green",
    Verdict.PARTLY_FIXES: "bold green",
    Verdict.HELPS: "green",
    Verdict.SUGGESTED: "green",
    Verdict.WORSE: "red",
    Verdict.FAILED: "dim",
    Verdict.INEFFECTIVE: "dim",
    Verdict.NOT_PROVED: "dim",
    Verdict.NO_EFFECT: "dim",
}

DIFF_STYLES = {"removed": "red", "added": "green"}
MOST_PATCH_LINES = 12  # a patch with more changed lines is not printed
MOST_PATCH_CHARACTERS = MOST_PATCH_LINES * LINE_LENGTH  # nor is a patch whose changed lines are longer than this
PATCH_LABELS = {
    "fix": "patch",
    "tuning": "tuning",
    "not_proved": "unproved",
    "suggestion": "suggest",
    "untried": "unproved",
}
MASKED = "changes a line that contains a secret. Only you can read this file; elsewhere the secret is shown as ***"

Row = tuple[str, RenderableType]


def render_console(
    case: Case, folder: Path | None = None, *, store: str = str(STORE), has_page: bool = True, verbose: bool = False
) -> RenderableType:
    """Return the report on a case for the terminal: about thirty lines, readable from a width of 80 columns on.

    folder: the folder of `report.html` and of the patches. Default: `.descend/RUN` if the run is stored.
    store: the value of `--store` with which the run is found. has_page: whether `report.html` exists.
    verbose: whether to list the checks that could not run.
    """
    folder = folder or (STORE / str(case.record.run) if case.record.run else None)
    rows: list[Row] = [("verdict", Text(verdict(case), _verdict_style(case)))]
    if case.record.steps:
        rows.append(("run", Text(observed_message(case))))
    rows += _finding_rows(case)
    rows += [
        ("suspected", _finding_lines(case, suspicion, "yellow"))
        for suspicion in case.undecided_suspicions[:MOST_FINDINGS]
    ]
    rows += [("withdrawn", Text(refutation_message(symptom, trial))) for symptom, trial in case.withdrawn_findings]
    rows += _trials_row(case)
    if left_out := left_out_message(case):
        rows.append(("left out", Text(one_line(left_out, SENTENCE_LENGTH))))
    if case.proof.changed:
        rows.append(("ended", Text(one_line(case.proof.changed), "yellow")))
    rows += _patch_rows(case, folder, command("apply", case, store))
    rows += [
        ("threads", Text(one_line(note.reason, SENTENCE_LENGTH)))
        for note in case.record.notes
        if note.probe == "threads"
    ]
    rows += _refused_actions_row(case)
    rows += _redirected_changes_row(case)
    if can_be_judged(case):
        more = "; the report lists them" if folder else ""
        checks = one_line(checks_message(case, with_reasons=verbose), SENTENCE_LENGTH)
        rows.append(("checked", Text(checks + more)))
        rows += _impossible_checks_row(case) if verbose else []
    if folder:
        path = str(folder / "report.html")
        rows.append(("report", Text(path if has_page else f"{command('report', case, store)} writes {path}")))
    return Constrain(report_table(rows), WIDEST)


def report_table(rows: list[Row]) -> Table:
    """Return the rows of the terminal report as one table, with the label of each row in the first column."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=LABEL_WIDTH, no_wrap=True, style="bold")
    table.add_column(ratio=1, overflow="fold")
    for label, content in rows:
        table.add_row(label, content)
    return table


def _verdict_style(case: Case) -> str:
    """Return the style in which `rich` prints the verdict: green, yellow or red."""
    if case.status == CaseStatus.HEALTHY:
        return "bold green" if is_clean(case) else "bold yellow"
    return "bold yellow" if case.fix else "bold red"


def _finding_rows(case: Case) -> list[Row]:
    """Return a row for each of the first three findings, and one row that names the other findings."""
    problems = causes(case)
    rows: list[Row] = [
        ("observed" if finding.is_observation else "problem", _finding_lines(case, finding, "bold"))
        for finding in problems[:MOST_FINDINGS]
    ]
    if other_problems := problems[MOST_FINDINGS:]:
        rows.append(
            ("also", Text(one_line("; ".join(heading_with_id(finding) for finding in other_problems), SENTENCE_LENGTH)))
        )
    return rows


def _finding_lines(case: Case, finding: Symptom, style: str) -> RenderableType:
    """Return the lines that are printed for a finding: title and source line, evidence, and consequences."""
    where = place(finding.where, finding.module, working_directory(case))
    head = Table.grid(expand=True, padding=(0, 2, 0, 0), pad_edge=False)
    head.add_column(ratio=1)
    head.add_column(justify="right", no_wrap=True)
    place_text = where if len(where) <= PLACE_LENGTH else "…" + where[1 - PLACE_LENGTH :]
    certainty = "" if finding in case.findings else f" ({finding.certainty})"
    name = Text(sentence(heading(finding)).rstrip(".") + certainty, style) + Text(f" [{one_line(finding.id)}]", "dim")
    head.add_row(name, Text(place_text, "cyan"))
    lines: list[RenderableType] = [head, Text(one_line(sentence(finding.sentence), SENTENCE_LENGTH))]
    if finding.explains:
        follows = "; ".join(title_with_id(consequence) for consequence in sorted(finding.explains))
        lines.append(Text(f"Consequences: {one_line(follows, LINE_LENGTH)}", "dim"))
    return Group(*lines)


def _trials_row(case: Case) -> list[Row]:
    """Return a list with one row: a summary line and a table of the trials. Without trials, the list is empty."""
    if not case.trials:
        return []
    failed = sum(not trial.was_judged for trial in case.trials)
    heading = trials_message(case) + (f", {number(failed)} could not be run or judged" if failed else "")
    metric = shared_metric(case.trials)
    lines: list[RenderableType] = [Text(heading + (f"; {one_line(metric, LINE_LENGTH)}" if metric else ""))]
    lines.append(_trial_table(case.trials[:MOST_TRIALS], metric))
    if len(case.trials) > MOST_TRIALS:
        lines.append(Text(f"and {count(len(case.trials) - MOST_TRIALS, 'more trial')} in the report", "dim"))
    if legend := table_legend(case.trials[:MOST_TRIALS]):
        lines.append(Text(legend, "dim"))
    return [("trials", Group(*lines))]


def _trial_table(trials: tuple[Trial, ...], metric: str) -> Table:
    """Return a table with one row for each trial: remedy, change of the metric, number of seeds, and verdict."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True, pad_edge=False)
    table.add_column(ratio=1, overflow="fold")
    for _ in range(3):
        table.add_column(no_wrap=True)
    for trial in trials:
        label = Text(one_line(trial.label, REMEDY_LENGTH))
        outcome = Text(trial_verdict(trial), VERDICT_STYLES.get(trial.verdict, ""))
        if not trial.was_judged:
            table.add_row(label + Text(f" ({one_line(trial.reason, REMEDY_LENGTH)})", "dim"), "", "", outcome)
        else:
            unit = row_metric(trial, metric)
            metric_note = Text(f" (by {unit})", "dim") if unit else Text()
            seeds = Text(count(len(trial.seeds), "seed") if trial.seeds else "", "dim")
            table.add_row(label + metric_note, before_and_after(trial), seeds, outcome)
    return table


def _patch_rows(case: Case, folder: Path | None, apply: str) -> list[Row]:
    """Return a row for each patch, for example the patch of the proved fix."""
    if case.fix and case.streamed:
        why = Text("there is no file to change: the script came from standard input or from cells of a notebook", "dim")
        return [("patch", Group(why, *changed_lines(case.fix.patch)))]
    return [(PATCH_LABELS[patch.kind], _patch_lines(case, patch, folder, apply)) for patch in patches(case)]


def _patch_lines(case: Case, patch: Patch, folder: Path | None, apply: str) -> RenderableType:
    """Return the lines that are printed for a patch: files, number of changed lines, and how to apply it."""
    summary = one_line(summarise_diff(patch.diff), 80)
    if patch.kind == "fix":
        lines = [Text(f"{summary}. Apply it: {apply} (stored as {folder / patch.file})" if folder else summary)]
        lines += changed_lines(patch.diff)
        lines += [Text(one_line(case.proof.verified, LINE_LENGTH), "dim")] if case.proof.verified else []
    else:
        by_hand = f"; by hand: patch -p0 < {folder / patch.file}" if folder else ""
        how = f"{summary}. descend apply does not write this patch{by_hand}"
        lines = [Text(one_line(patch.sentence, SENTENCE_LENGTH)), Text(how, "dim"), *changed_lines(patch.diff)]
    lines += [Text(f"{patch.file} {MASKED}", "dim")] if patch.has_secret else []
    return Group(*lines)


def changed_lines(diff: str) -> list[Text]:
    """Return the removed and added lines of a diff in red and green; an empty list if they are too many or too long."""
    changed = [line for line in read_source_diff(mask_secrets(diff)) if line.kind in DIFF_STYLES]
    if len(changed) > MOST_PATCH_LINES or sum(len(line.text) for line in changed) > MOST_PATCH_CHARACTERS:
        return []
    return [Text(_printable_code(line.text), DIFF_STYLES[line.kind]) for line in changed]


def _printable_code(line: str) -> str:
    """Return a line of code without control characters; its indentation is kept."""
    pieces = re.split("( +)", line.expandtabs(4))
    return "".join(piece if piece.isspace() else one_line(piece) for piece in pieces)


def _impossible_checks_row(case: Case) -> list[Row]:
    """Return a row that lists the problems that could not be checked, by reason; an empty list without such checks."""
    impossible_checks = checks_table(case)["unmade"]
    lines = [Text(f"{one_line(row['titles'])}: {row['reason']}") for row in impossible_checks]
    return [("unchecked", Group(*lines))] if lines else []


def _refused_actions_row(case: Case) -> list[Row]:
    """Return a row that warns of actions that the sandbox refused; an empty list if it refused no action."""
    refused = [effect for effect in case.record.effects if effect.refused]
    if not refused:
        return []
    by = f", by the installed library {one_line(refused[0].by, PLACE_LENGTH)}" if refused[0].by else ""
    first = one_line(f"{refused[0].kind} {refused[0].target}", PLACE_LENGTH + REMEDY_LENGTH) + by
    many = f"{count(len(refused), 'action')} outside the scratch copy; the first: " if refused[1:] else ""
    return [("refused", Text(f"{many}{first} (permit with --allow-effects)"))]


def _redirected_changes_row(case: Case) -> list[Row]:
    """Return a row about files that were changed only in the scratch copy; an empty list if there are no such files."""
    redirected = [effect for effect in case.record.effects if effect.redirected]
    if not redirected:
        return []
    first = one_line(f"{redirected[0].kind} {redirected[0].target}", PLACE_LENGTH + REMEDY_LENGTH)
    if not redirected[1:]:
        return [("files", Text(f"{first}: redirected to the run's own copy, your files are unchanged"))]
    many = f"{count(len(redirected), 'change')} redirected to the run's own copy, your files are unchanged"
    return [("files", Text(f"{many}; the first: {first}"))]


def command(name: str, case: Case, store: str) -> str:
    """Return the text of a shell command, such as `descend apply 3`, for the run of this case."""
    return " ".join([f"descend {name}", *store_option(store), str(case.record.run)])


def store_option(store: str) -> list[str]:
    """Return the words that name the store in a shell command, without secrets; no words for the default store."""
    return [] if store == str(STORE) else [f"--store {shlex.quote(mask_secrets(store))}"]
