"""Report on a watched run: each certain finding at once; suspicions and a summary at the end of the run."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from descend.core.errors import UsageError
from descend.doctor.archive import save_case
from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog.checks import list_checks
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.commands.watch.alerts import Alerts, Webhook
from descend.doctor.commands.watch.live_server import LivePage
from descend.doctor.commands.watch.rank_summary import merge_ranks
from descend.doctor.commands.watch.resume import load_reported_findings
from descend.doctor.findings import build_case
from descend.doctor.record import Message, Record
from descend.doctor.record.measured_by import FOR_TIME
from descend.doctor.record.store import Store
from descend.doctor.report.formatting import count, finding_message, steps_taken
from descend.doctor.report.json_report import finding_as_json
from descend.doctor.script.run_names import EndReason, Role
from descend.doctor.trials.proof import Proof


class Reporter:
    """Reports each finding of a watched run once: as a line with `say`, as JSON with `on_finding` and the webhook."""

    def __init__(
        self,
        root: Path,
        say: Callable[[str], object],
        *,
        ignore: Collection[str] = (),
        webhook: str = "",
        on_finding: Callable[[dict[str, Any]], object] = lambda finding: None,
        live: LivePage | None = None,
    ) -> None:
        self._live = live
        self._root, self._say, self._ignore, self._on_finding = root, say, ignore, on_finding
        self._alerts = Alerts(self._report, ignore=ignore)
        self._webhook = Webhook(webhook, say) if webhook else None
        self._count = 0
        self._has_failed = False

    def resume(self, store: Store, script: str) -> None:
        """Load the findings that the last watched run of this script reported, so that they are not repeated."""
        earlier, reported = load_reported_findings(store, script)
        self._alerts.reported |= reported
        known = f"; already reported: {', '.join(sorted(reported))}" if reported else ""
        self._say(f"resuming run {earlier}{known}" if earlier else f"there is no earlier run of {script} to resume")

    def update(self, record: Record, messages: Collection[Message]) -> None:
        """Diagnose the record, to which these messages have been added, and report new findings."""
        if self._has_failed or record.role == Role.RANK:
            return
        try:
            if self._live is not None:
                self._live.update(messages)
            self._alerts.update(record, messages)
        except Exception as error:  # An internal error must not end the user's run, which can still be recorded.
            self._has_failed = True
            self._say(f"alerts have stopped after an internal error of descend: {type(error).__name__}: {error}")

    def conclude(self, record: Record, store: Store) -> None:
        """Report on the whole run and store its diagnosis. In a process group, rank 0 does this for all ranks."""
        if record.role != Role.RANK:
            self._report_all(record, store)
        if self._webhook is not None:
            self._webhook.close()
        if self._live is not None:
            self._live.close()

    def _report_all(self, record: Record, store: Store) -> None:
        """Report the other ranks, the remaining findings and the suspicions of a run, and store its diagnosis."""
        if "world_size" in record.environment:
            with self._print_store_errors():
                self._say(merge_ranks(record, store))
        case = build_case(record, Proof(tuple(diagnose(record, ignore=self._ignore))))
        for symptom in case.findings:
            self._alerts.report_once(symptom)
        for symptom in unexplained_symptoms(list(case.suspicions)):
            self._say(f"suspicion: {finding_message(symptom, self._root)}")
        if (missing := _short_run_message(record, self._ignore)) and not self._has_failed:
            self._say(missing)
        with self._print_store_errors():
            total_s = record.ending.wall_s if record.ending else 0.0
            save_case(store, replace(case, total_s=total_s, left_out=tuple(self._ignore)))
        self._say(f"run {record.run}, {steps_taken(record)}; descend diagnose {record.run} shows the diagnosis")

    @contextmanager
    def _print_store_errors(self) -> Iterator[None]:
        """Print an error of the store instead of raising it, since the training has already ended."""
        try:
            yield
        except UsageError as error:
            self._say(str(error))

    def _report(self, symptom: Symptom) -> None:
        """Report one finding on the terminal, on the live page, to `on_finding` and to the webhook."""
        self._count += 1
        self._say(f"finding: {finding_message(symptom, self._root)}")
        if self._live is not None:
            self._live.add_finding(symptom)
        finding = finding_as_json(symptom, self._root, self._count)
        self._on_finding(finding)
        if self._webhook is not None:
            self._webhook.post(finding)


def _short_run_message(record: Record, ignore: Collection[str]) -> str:
    """Return how many problems a finished run was too short to be checked for; "" if there are none."""
    if record.ending is None or record.ending.reason != EndReason.FINISHED:
        return ""
    unmade = [check for check in list_checks(record, ignore) if check.reason.endswith(FOR_TIME)]
    if not unmade:
        return ""
    return (
        f"the run was too short to check for {count(len(unmade), 'problem')}, whose measurements take longer than "
        f"watching may: use descend doctor {record.script}"
    )
