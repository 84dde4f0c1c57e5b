"""torchmortem, as the exam calls it: `python clinic/tools/torchmortem.py SCRIPT` prints findings and patch as JSON.

torchmortem is written into a training loop: `Autopsy(model, optimizer)` around the loop, `autopsy.step(loss)` in it.
Here PyTorch makes these calls (`watched_run.py`), once for each optimizer of the script. The autopsy holds all networks
that the optimizer trains. It begins before the first forward pass after the optimizer was made. The sampling is
"thorough", of most detail. Critical findings, and insights from critical findings, are `findings`. The rest are
`suspicions`. Insights come first, as in the tool's report. torchmortem names no lines and makes no patch.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

CLINIC = str(Path(__file__).parents[1])
if __name__ == "__main__":
    sys.path[0] = CLINIC  # This file has the name of the package.

from watched_run import Tool, Trained, WatchedRun, whole_of  # noqa: E402


class Autopsies(Tool):
    """An autopsy for each optimizer."""

    def __init__(self) -> None:
        self.of: dict[int, Any] = {}  # by the optimizer's id

    def begin(self, trained: Trained) -> None:
        """Attach an autopsy to all networks of an optimizer."""
        from torchmortem import Autopsy  # type: ignore[attr-defined]

        autopsy = Autopsy(whole_of(trained.networks), optimizer=trained.optimizer, sampling="thorough")
        autopsy.attach()
        self.of[id(trained.optimizer)] = autopsy

    def step(self, trained: Trained, proceed: Any, loss: float | None) -> None:
        """Step the optimizer, then the autopsy."""
        proceed()
        self.of[id(trained.optimizer)].step(**({} if loss is None else {"loss": loss}))

    def reports(self, is_complete: bool) -> list[Any]:
        """Return the tool's report on each optimizer that was stepped."""
        found = []
        for autopsy in self.of.values():
            autopsy.detach(is_complete=is_complete)
            found.append(autopsy.get_report())
        return [report for report in found if report.metadata.total_steps]


def name_of(title: str, layers: list[str]) -> str:
    """Return the title of a finding as a name, without the layer: `dead_units` of "Dead units in fc1"."""
    for layer in layers:
        title = title.removesuffix(f" in {layer}")
    return re.sub(r"[^a-z]+", "_", re.sub(r"\(.*?\)", "", title).lower()).strip("_")


def answer(reports: list[Any]) -> dict[str, Any]:
    """Return the answer to the exam: what is critical first, in the tool's own order."""
    said: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for report in reports:
        for each in report.insights:
            is_critical = any(finding.severity.name == "CRITICAL" for finding in each.contributing_findings)
            said[is_critical].append({"name": each.rule_name, "line": None, "says": f"{each.title}: {each.summary}"})
    for report in reports:
        for each in report.findings:
            name = name_of(each.title, each.affected_layers)
            sentence = {"name": name, "line": None, "says": f"{each.title}: {each.summary}"}
            said[each.severity.name == "CRITICAL"].append(sentence)
    return {"findings": said[True], "suspicions": said[False], "patch": None}


def main() -> None:
    """Run the script and print what torchmortem says."""
    tool = Autopsies()
    is_complete = WatchedRun(tool).run(Path(sys.argv[1]))
    if not (reports := tool.reports(is_complete)):
        raise SystemExit("no step of an optimizer with a network: torchmortem has nothing to report")
    print(json.dumps(answer(reports)))


if __name__ == "__main__":
    main()
