"""One screen for the person at the terminal: verdict, findings, trials, patch.

Text from a script (labels, paths, messages) is never read as markup and holds no control character.
"""

import re
import shlex
from pathlib import Path

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from descend.doctor.case import Case
from descend.doctor.redaction import clean
from descend.doctor.report.checked import checked_line
from descend.doctor.report.observed import observed
from descend.doctor.report.patch import read_diff, summarise_diff
from descend.doctor.report.patches import Patch, patches
from descend.doctor.report.titles import heading, title
from descend.doctor.report.trial_table import legend, own_metric, shared_metric, verdict_in_words
from descend.doctor.report.verdict import causes, is_clean, is_judged, numbers, refutation, tried, verdict
from descend.doctor.report.wording import count, number, one_line, place, root_of, sentence
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.trial import Trial

STORE = Path(".descend")  # where runs are kept unless it is said
WIDEST = 120  # columns; longer lines are hard to read
LABEL_WIDTH = 9
MOST_FINDINGS, MOST_TRIALS = 3, 5  # what fits on a screen; the page has all of them
SENTENCE_LENGTH, PLACE_LENGTH, REMEDY_LENGTH, LINE_LENGTH = 330, 40, 72, 140
VERDICT_STYLES = {
    "proved": "bold green",
    "train_longer": "bold green",
    "mends": "bold green",
    "helps": "green",
    "suggested": "green",
    "worse": "red",
    "failed": "dim",
    "ineffective": "dim",
    "not_proved": "dim",
    "no_effect": "dim",
}

DIFF_STYLES = {"removed": "red", "added": "green"}
MOST_PATCH_LINES = 8  # of a patch that is shown on the screen
PATCH_LABELS = {"cure": "patch", "tuning": "tuning", "not_proved": "unproved", "suggestion": "suggest"}
MASKED = "changes a line that holds a secret, and you alone can read it; elsewhere the secret reads ***"

Row = tuple[str, RenderableType]


def render_console(
    case: Case, folder: Path | None = None, *, store: str = str(STORE), has_page: bool = True
) -> RenderableType:
    """Return the case as a rich renderable of about thirty lines, for 80 columns or more.

    folder: where `report.html` and the patches lie; taken to be `.descend/RUN` when the run is in a store.
    store: what `--store` is given for the run to be found; has_page: whether `report.html` is there.
    """
    folder = folder or (STORE / str(case.record.run) if case.record.run else None)
    rows: list[Row] = [("verdict", Text(verdict(case), _verdict_style(case)))]
    if case.record.steps:
        rows.append(("watching", Text(observed(case))))
    rows += _findings(case)
    rows += [("suspected", _finding(case, suspicion, "yellow")) for suspicion in case.undecided[:MOST_FINDINGS]]
    rows += [("withdrawn", Text(refutation(symptom, trial))) for symptom, trial in case.refuted]
    rows += _trials(case)
    if case.changed:
        rows.append(("ended", Text(one_line(case.changed), "yellow")))
    rows += _patches(case, folder, command("apply", case, store))
    rows += [
        ("threads", Text(one_line(note.reason, SENTENCE_LENGTH)))
        for note in case.record.notes
        if note.probe == "threads"
    ]
    rows += _refused(case)
    if is_judged(case):
        more = "; the report lists them" if folder else ""
        rows.append(("checked", Text(one_line(checked_line(case), SENTENCE_LENGTH) + more)))
    if folder:
        path = str(folder / "report.html")
        rows.append(("report", Text(path if has_page else f"{command('report', case, store)} writes {path}")))
    return Constrain(_layout(rows), WIDEST)


def _layout(rows: list[Row]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=LABEL_WIDTH, no_wrap=True, style="bold")
    table.add_column(ratio=1, overflow="fold")
    for label, content in rows:
        table.add_row(label, content)
    return table


def _verdict_style(case: Case) -> str:
    if case.status == "healthy":
        return "bold green" if is_clean(case) else "bold yellow"
    return "bold yellow" if case.cure else "bold red"


def _findings(case: Case) -> list[Row]:
    standing = causes(case)
    rows: list[Row] = [
        ("observed" if finding.is_observation else "finding", _finding(case, finding, "bold"))
        for finding in standing[:MOST_FINDINGS]
    ]
    if left := standing[MOST_FINDINGS:]:
        rows.append(("also", Text(one_line("; ".join(heading(finding) for finding in left), SENTENCE_LENGTH))))
    return rows


def _finding(case: Case, finding: Symptom, style: str) -> RenderableType:
    where = place(finding.where, finding.module, root_of(case))
    head = Table.grid(expand=True, padding=(0, 2, 0, 0), pad_edge=False)
    head.add_column(ratio=1)
    head.add_column(justify="right", no_wrap=True)
    shown = where if len(where) <= PLACE_LENGTH else "…" + where[1 - PLACE_LENGTH :]
    name = sentence(heading(finding)).rstrip(".") + ("" if finding in case.findings else f" ({finding.standing})")
    head.add_row(Text(name, style), Text(shown, "cyan"))
    lines: list[RenderableType] = [head, Text(one_line(sentence(finding.sentence), SENTENCE_LENGTH))]
    if finding.explains:
        follows = ", ".join(title(consequence) for consequence in sorted(finding.explains))
        lines.append(Text(f"It also explains: {one_line(follows, LINE_LENGTH)}", "dim"))
    return Group(*lines)


def _trials(case: Case) -> list[Row]:
    if not case.trials:
        return []
    failed = sum(not trial.was_judged for trial in case.trials)
    heading = tried(case) + (f", {number(failed)} could not be tried or judged" if failed else "")
    metric = shared_metric(case.trials)
    lines: list[RenderableType] = [Text(heading + (f"; {one_line(metric, LINE_LENGTH)}" if metric else ""))]
    lines.append(_trial_table(case.trials[:MOST_TRIALS], metric))
    if len(case.trials) > MOST_TRIALS:
        lines.append(Text(f"and {count(len(case.trials) - MOST_TRIALS, 'more trial')} in the report", "dim"))
    if explained := legend(case.trials[:MOST_TRIALS]):
        lines.append(Text(explained, "dim"))
    return [("trials", Group(*lines))]


def _trial_table(trials: tuple[Trial, ...], metric: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True, pad_edge=False)
    table.add_column(ratio=1, overflow="fold")
    for _ in range(3):
        table.add_column(no_wrap=True)
    for trial in trials:
        label = Text(one_line(trial.label, REMEDY_LENGTH))
        outcome = Text(verdict_in_words(trial), VERDICT_STYLES.get(trial.verdict, ""))
        if not trial.was_judged:
            table.add_row(label + Text(f" ({one_line(trial.reason, REMEDY_LENGTH)})", "dim"), "", "", outcome)
        else:
            unit = own_metric(trial, metric)
            judged_by = Text(f" (by {unit})", "dim") if unit else Text()
            seeds = Text(count(len(trial.seeds), "seed") if trial.seeds else "", "dim")
            table.add_row(label + judged_by, numbers(trial), seeds, outcome)
    return table


def _patches(case: Case, folder: Path | None, apply: str) -> list[Row]:
    if case.cure and case.streamed:
        return [("patch", Text("none: the script came in by a pipe, so there is no file to change", "dim"))]
    return [(PATCH_LABELS[patch.kind], _patch(case, patch, folder, apply)) for patch in patches(case)]


def _patch(case: Case, patch: Patch, folder: Path | None, apply: str) -> RenderableType:
    summary = one_line(summarise_diff(patch.diff), 80)
    if patch.kind == "cure":
        lines = [Text(f"{summary} ({apply} writes it; kept as {folder / patch.file})" if folder else summary)]
        lines += _changed_lines(patch.diff)
        lines += [Text(one_line(case.verified, LINE_LENGTH), "dim")] if case.verified else []
    else:
        by_hand = f": patch -p0 < {folder / patch.file}" if folder else ""
        how = f"{summary}, which descend apply does not write{by_hand}"
        lines = [Text(one_line(patch.sentence, SENTENCE_LENGTH)), Text(how, "dim")]
    lines += [Text(f"{patch.file} {MASKED}", "dim")] if clean(patch.diff) != patch.diff else []
    return Group(*lines)


def _changed_lines(diff: str) -> list[Text]:
    """Return the lines that a short patch removes and adds; none of a long one."""
    changed = [line for line in read_diff(clean(diff)) if line.kind in DIFF_STYLES]
    if len(changed) > MOST_PATCH_LINES:
        return []
    return [Text(_code(line.text), DIFF_STYLES[line.kind]) for line in changed]


def _code(line: str) -> str:
    """Return a line of code without control characters, its spaces kept, cut where it is long."""
    pieces = re.split("( +)", line.expandtabs(4))
    code = "".join(piece if piece.isspace() else one_line(piece) for piece in pieces)
    return code if len(code) <= LINE_LENGTH else code[: LINE_LENGTH - 1] + "…"


def _refused(case: Case) -> list[Row]:
    """What the script was kept from doing: a bill is clean only beside it."""
    refused = [effect for effect in case.record.effects if effect.refused]
    if not refused:
        return []
    by = f", by the installed library {one_line(refused[0].by, PLACE_LENGTH)}" if refused[0].by else ""
    first = one_line(f"{refused[0].kind} {refused[0].target}", PLACE_LENGTH + REMEDY_LENGTH) + by
    many = f"{count(len(refused), 'effect')} outside the scratch copy, the first: " if refused[1:] else ""
    return [("refused", Text(f"{many}{first} (--allow-effects permits it)"))]


def command(name: str, case: Case, store: str) -> str:
    """Return what the user types to have a command of ours read the run in that store."""
    where = "" if store == str(STORE) else f" --store {shlex.quote(clean(store))}"
    return f"descend {name}{where} {case.record.run}"
