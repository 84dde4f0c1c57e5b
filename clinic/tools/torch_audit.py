"""torch-audit, as the exam calls it: `python clinic/tools/torch_audit.py SCRIPT` prints findings and patch as JSON.

torch-audit is written into a training loop. Here PyTorch makes the calls of its wrapper mode (`watched_run.py`), which
its documentation recommends for the most accurate results: `forward`, `backward` and `optimizer_step`. Each optimizer
of the script has an auditor of all networks that it trains, with the static and initial audits. A network that the
script calls as a part of these has a second auditor for its forward passes. With several optimizers no backward pass is
audited, because it may belong to another optimizer; the audit after the step covers the gradients. Every step is
audited, and every forward pass, also those of the evaluation. ERROR and FATAL are `findings`, WARN and INFO are
`suspicions`, each once for each layer. torch-audit names no lines and makes no patch.
"""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

CLINIC = str(Path(__file__).parents[1])
if __name__ == "__main__":
    sys.path[0] = CLINIC  # This file has the name of the package.

from watched_run import Tool, Trained, WatchedRun, whole_of  # noqa: E402

LEVELS = ("FATAL", "ERROR", "WARN", "INFO")
CLAIMS = ("FATAL", "ERROR")


class Audits(Tool):
    """An auditor for each optimizer, and for each part of its networks that the script calls."""

    def __init__(self) -> None:
        self.trained: list[Trained] = []
        self.whole: list[Any] = []  # one auditor for each optimizer
        self.parts: list[Any] = []
        self.has_stepped = False

    def begin(self, trained: Trained) -> None:
        """Attach an auditor to all networks of an optimizer, and audit them and the optimizer."""
        auditor = self._auditor(whole_of(trained.networks), trained.optimizer)
        auditor.audit_static()
        auditor.audit_init()
        self.trained.append(trained)
        self.whole.append(auditor)

    def forward(self, network: Any, proceed: Callable[[], Any], given: tuple[tuple[Any, ...], dict]) -> Any:
        """Audit a call of a network that an optimizer trains, or that is a part of such a network."""
        auditor = next((each for each in (*self.whole, *self.parts) if each.model is network), None)
        if auditor is None:
            if not any(trained.holds(network) for trained in self.trained):
                return proceed()
            auditor = self._auditor(network, None)
            self.parts.append(auditor)
        args, kwargs = given
        return auditor.forward(*args, **kwargs)

    def backward(self, loss: Any, proceed: Callable[[], Any]) -> None:
        """Audit a backward pass if there is only one optimizer that it may belong to."""
        if len(self.whole) == 1:
            self.whole[0].backward(SimpleNamespace(backward=proceed))
        else:
            proceed()

    def step(self, trained: Trained, proceed: Callable[[], Any], loss: float | None) -> None:
        """Audit a step."""
        self.has_stepped = True
        self.whole[self.trained.index(trained)].optimizer_step(SimpleNamespace(step=proceed))

    def findings(self) -> list[Any]:
        """Return all findings in the order of the auditors."""
        return [finding for auditor in (*self.whole, *self.parts) for finding in auditor.finish().findings]

    @staticmethod
    def _auditor(network: Any, optimizer: Any) -> Any:
        from torch_audit import Auditor  # type: ignore[attr-defined]

        auditor = Auditor(network, optimizer=optimizer, every_n_steps=1)
        auditor.attach()
        return auditor


def answer(findings: Iterable[Any]) -> dict[str, Any]:
    """Return the answer to the exam: the most severe findings first, each rule once for each layer."""
    once: dict[str, Any] = {}
    for finding in findings:
        once.setdefault(finding.get_fingerprint(), finding)
    ordered = sorted(once.values(), key=lambda finding: LEVELS.index(finding.severity.value))
    said: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for each in ordered:
        place = f"{each.module_path}: " if each.module_path else ""
        sentence = {"name": each.rule_id, "line": None, "says": f"{each.severity.value} {place}{each.message}"}
        said[each.severity.value in CLAIMS].append(sentence)
    return {"findings": said[True], "suspicions": said[False], "patch": None}


def main() -> None:
    """Run the script and print what torch-audit says."""
    tool = Audits()
    WatchedRun(tool).run(Path(sys.argv[1]))
    if not tool.has_stepped:
        raise SystemExit("no step of an optimizer with a network: torch-audit has nothing to audit")
    print(json.dumps(answer(tool.findings())))


if __name__ == "__main__":
    main()
