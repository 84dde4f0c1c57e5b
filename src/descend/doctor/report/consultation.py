"""The result of `descend.run_doctor`: a case with its verdict, its report as text, and its summary for a notebook."""

from dataclasses import dataclass
from pathlib import Path

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case, CaseStatus


@dataclass(frozen=True, repr=False)
class Consultation:
    """The result of `descend.run_doctor`. A notebook shows it as a short summary, `print` as on the terminal.

    Parameters
    ----------
    case : Case
        The whole diagnosis: record, findings, trials, fix and checks.
    verdict : str
        The verdict as one sentence.
    text : str
        The report as `descend doctor` prints it.
    html : str
        The summary for a notebook.
    report : pathlib.Path or None
        The path of the HTML report with all measurements. None if it could not be written.
    """

    case: Case
    verdict: str
    text: str
    html: str
    report: Path | None

    @property
    def run(self) -> int:
        """The run's number in the store, with which `descend report` and `descend apply` find it."""
        return self.case.record.run

    @property
    def status(self) -> CaseStatus:
        """The overall result: `findings`, `healthy`, `undecided`, `interrupted` or `script_failed`."""
        return self.case.status

    @property
    def findings(self) -> tuple[Symptom, ...]:
        """The problems that were found, worst first."""
        return self.case.findings

    @property
    def patch(self) -> str | None:
        """The proved fix as a unified diff. None if no fix was proved."""
        return self.case.fix.patch or None if self.case.fix else None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<descend: {self.verdict}>"

    def _repr_html_(self) -> str:
        return self.html
