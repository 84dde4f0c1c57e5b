"""Stands beside a run that goes on in earnest: tells what is sure at once and the rest at its end."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from descend.doctor.archive import save_case
from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.commands.watching.alerts import Alerts, Webhook
from descend.doctor.commands.watching.ranks import gather
from descend.doctor.commands.watching.resuming import told_before
from descend.doctor.commands.watching.serving import LivePage
from descend.doctor.concluding import conclude
from descend.doctor.record import Message, Record
from descend.doctor.record.store import Store
from descend.doctor.report.contract import finding_as_json
from descend.doctor.report.wording import steps_taken, told
from descend.doctor.symptoms import Symptom, causes
from descend.doctor.trials.proof import Proof
from descend.ground.errors import UsageError


class Watchman:
    """Tells by `say`, in words, and by `hand_over` and `webhook`, as the JSON contract has it; no finding twice."""

    def __init__(
        self,
        root: Path,
        say: Callable[[str], object],
        *,
        ignore: Collection[str] = (),
        webhook: str = "",
        hand_over: Callable[[dict[str, Any]], object] = lambda finding: None,
        live: LivePage | None = None,
    ) -> None:
        self._live = live
        self._root, self._say, self._ignore, self._hand_over = root, say, ignore, hand_over
        self._alerts = Alerts(self._tell, ignore=ignore)
        self._webhook = Webhook(webhook, say) if webhook else None
        self._count = 0
        self._stumbled = False

    def resume(self, store: Store, script: str) -> None:
        """Tell nothing again that the last watched run of a command has shown."""
        earlier, told = told_before(store, script)
        self._alerts.told |= told
        known = f"; told then: {', '.join(sorted(told))}" if told else ""
        self._say(f"goes on from run {earlier}{known}" if earlier else f"no run of {script} to go on from: the first")

    def look(self, record: Record, messages: Collection[Message]) -> None:
        """Look at the record, which the messages have just come into."""
        if self._stumbled or record.role == "rank":
            return
        try:
            if self._live is not None:
                self._live.take(messages)
            self._alerts.look(record, messages)
        except Exception as error:  # a mistake of ours must not end a run in earnest: it goes on, and is recorded
            self._stumbled = True
            self._say(f"alerts have stopped, by a mistake of descend's own: {type(error).__name__}: {error}")

    def conclude(self, record: Record, store: Store) -> None:
        """Tell what the whole run shows, and keep it. Where it is one of a group, rank 0 speaks for all."""
        if record.role != "rank":
            self._tell_all(record, store)
        if self._webhook is not None:
            self._webhook.close()
        if self._live is not None:
            self._live.close()

    def _tell_all(self, record: Record, store: Store) -> None:
        if "world_size" in record.environment:
            with self._said():
                self._say(gather(record, store))
        case = conclude(record, Proof(tuple(diagnose(record, ignore=self._ignore))))
        for symptom in case.findings:
            self._alerts.tell_once(symptom)
        for symptom in causes(list(case.suspicions)):
            self._say(f"suspicion: {told(symptom, self._root)}")
        with self._said():
            save_case(store, replace(case, total_s=record.ending.wall_s) if record.ending else case)
        self._say(f"run {record.run}, {steps_taken(record)}; descend diagnose {record.run}")

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say it where the store fails: the training itself has ended as it has."""
        try:
            yield
        except UsageError as error:
            self._say(str(error))

    def _tell(self, symptom: Symptom) -> None:
        self._count += 1
        self._say(f"finding: {told(symptom, self._root)}")
        if self._live is not None:
            self._live.tell(symptom)
        finding = finding_as_json(symptom, self._root, self._count)
        self._hand_over(finding)
        if self._webhook is not None:
            self._webhook.post(finding)
