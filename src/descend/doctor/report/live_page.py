"""A run while it goes on, as a page that changes under the eyes: the loss, α·λmax, the layers, the findings."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from descend.doctor.record import Record
from descend.doctor.redaction import cleaned
from descend.doctor.report.document import Figures, environment, render
from descend.doctor.report.figure import STEPS_PAD, Figure
from descend.doctor.report.pictures import course, over_steps
from descend.doctor.report.stability_picture import stability
from descend.doctor.report.titles import title
from descend.doctor.report.wording import count, duration, home, number, one_line, place, sentence, steps_taken
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.batch_size import examples_in_batch

LAYERS = ("update_ratio", "gradient_norm")  # of each parameter: how far a step moves it, and what moves it
MOST_LAYERS = 24


def live_document(record: Record, findings: Sequence[Symptom], since: float) -> str:
    """Return the whole page; its charts and its text are exchanged by what `live_change` gives."""
    figures = Figures()
    return render("live.html", figures, events="/events", **_contents(record, findings, since, figures))


def live_change(record: Record, findings: Sequence[Symptom], since: float) -> dict[str, Any]:
    """Return the page's contents as they are now; `since`: seconds of training so far."""
    figures = Figures()
    shown = _contents(record, findings, since, figures)
    return {"main": environment().get_template("live_main.html").render(**shown), "figures": cleaned(figures.plots)}


def _contents(record: Record, findings: Sequence[Symptom], since: float, figures: Figures) -> dict[str, Any]:
    drawn = (course(record), stability(record), _noise(record), *_layers(record))
    return {
        "headline": _headline(record),
        "script": one_line(record.script),
        "standing": _standing(record, since),
        "findings": [_told(symptom) for symptom in findings],
        "shown": [figures.take(_over(figure, record.steps)) for figure in drawn if figure],
    }


def _over(figure: Figure, steps: int) -> Figure:
    """Return the figure over all steps so far: one chart under another shows the same moment at the same place."""
    pad = STEPS_PAD * max(steps, 1)
    return replace(figure, panels=tuple(replace(p, x={"range": [-pad, steps + pad]}) for p in figure.panels))


def _headline(record: Record) -> str:
    steps = steps_taken(record)
    if record.ending is None:
        return f"{count(record.steps, 'step')}, and on" if record.steps else "Waiting for the first step"
    return {"finished": f"Ended after {steps}", "failed": f"Failed after {steps}"}.get(
        record.ending.reason, f"Ended after {steps}: {record.ending.reason}"
    )


def _standing(record: Record, since: float) -> str:
    losses = [record.series("loss", key).last for key in record.places("loss")]
    said = [f"loss {number(value)}" for value in losses if isfinite(value)][:1]
    said += [f"{duration(since / record.steps)} a step"] if record.steps and since > 0 else []
    spent = sum(cost.seconds for cost in record.costs.values())
    said += [f"measuring took {duration(spent)}"] if spent else []
    return sentence(", ".join(said)) if said else ""


def _told(symptom: Symptom) -> dict[str, str]:
    where = place(symptom.where, symptom.module, home(symptom))
    return {"title": sentence(title(symptom.id)).rstrip("."), "sentence": sentence(symptom.sentence), "place": where}


def _noise(record: Record) -> Figure | None:
    """The gradient noise scale beside the batch's own size."""
    places = [key for key in record.places("gradient_noise_scale") if len(record.series("gradient_noise_scale", key))]
    if not places:
        return None
    size = examples_in_batch(record) or float("nan")
    panel = over_steps(record, "gradient_noise_scale", places, size, "examples in a batch")
    return Figure((panel,), "Of a batch far below it a step is mostly noise; one far above it hardly shortens the way.")


def _layers(record: Record) -> list[Figure]:
    figures = []
    for name in LAYERS:
        places = [p for p in record.places(name) if p and len(record.series(name, p))][:MOST_LAYERS]
        if places:
            panel = over_steps(record, name, places)
            figures.append(Figure((panel,), "One line for each parameter, as it was measured from time to time."))
    return figures
