"""The live page of a running training: loss, α·λmax, gradient noise, parameters, and certain findings."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from descend.doctor.assess.batches import mean_batch_size
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record
from descend.doctor.redaction import mask_secrets_in
from descend.doctor.report.document import Figures, render, template_environment
from descend.doctor.report.figure import STEPS_PAD, Figure
from descend.doctor.report.finding_figures import panel_over_steps
from descend.doctor.report.formatting import (
    count,
    duration,
    number,
    one_line,
    place,
    sentence,
    source_folder,
    steps_taken,
)
from descend.doctor.report.loss_figure import loss_curve
from descend.doctor.report.stability_figure import stability_figure
from descend.doctor.report.titles import title
from descend.doctor.script.run_names import EndReason

PER_PARAMETER = ("update_ratio", "gradient_norm")  # measured quantities that have a value for each parameter
MOST_PARAMETERS = 24


def live_document(record: Record, findings: Sequence[Symptom], elapsed_s: float) -> str:
    """Return the HTML of the page that shows a running training."""
    figures = Figures()
    return render("live.html", figures, events="events", **_template_values(record, findings, elapsed_s, figures))


def live_update(record: Record, findings: Sequence[Symptom], elapsed_s: float) -> dict[str, Any]:
    """Return the current text and charts of the page on a running training. elapsed_s: seconds of training so far."""
    figures = Figures()
    template_values = _template_values(record, findings, elapsed_s, figures)
    return {
        "main": template_environment().get_template("live_main.html").render(**template_values),
        "figures": mask_secrets_in(figures.plots),
    }


def _template_values(record: Record, findings: Sequence[Symptom], elapsed_s: float, figures: Figures) -> dict[str, Any]:
    """Return the values that are filled into the HTML template of the live page."""
    run_figures = (
        loss_curve(record),
        stability_figure(record),
        _gradient_noise_figure(record),
        *_parameter_figures(record),
    )
    return {
        "headline": _headline(record),
        "script": one_line(record.script),
        "progress": _progress_message(record, elapsed_s),
        "findings": [_finding_values(symptom) for symptom in findings],
        "shown": [figures.add(_set_step_range(figure, record.steps)) for figure in run_figures if figure],
    }


def _set_step_range(figure: Figure, steps: int) -> Figure:
    """Return the figure with all its step axes from 0 to `steps`, so that the charts of a page are aligned."""
    pad = STEPS_PAD * max(steps, 1)
    return replace(figure, panels=tuple(replace(p, x={"range": [-pad, steps + pad]}) for p in figure.panels))


def _headline(record: Record) -> str:
    """Return the headline of the live page, such as `Training: 300 steps so far` or `Failed after 12 steps`."""
    steps = steps_taken(record)
    if record.ending is None:
        return f"Training: {count(record.steps, 'step')} so far" if record.steps else "Waiting for the first step"
    if record.ending.reason == EndReason.FAILED:
        return f"Failed after {steps}"
    return f"Ended after {steps}" + ("" if record.ending.reason == EndReason.FINISHED else f": {record.ending.reason}")


def _progress_message(record: Record, elapsed_s: float) -> str:
    """Return a sentence with the last loss, the time per step, and the time that measurements took; "" without data."""
    losses = [record.series("loss", key).last for key in record.places("loss")]
    parts = [f"loss {number(value)}" for value in losses if isfinite(value)][:1]
    parts += [f"{duration(elapsed_s / record.steps)} per step"] if record.steps and elapsed_s > 0 else []
    spent = sum(cost.seconds for cost in record.costs.values())
    parts += [f"measuring took {duration(spent)}"] if spent else []
    return sentence(", ".join(parts)) if parts else ""


def _finding_values(symptom: Symptom) -> dict[str, str]:
    """Return the id, title, sentence and source location of a finding for the HTML template."""
    where = place(symptom.where, symptom.module, source_folder(symptom))
    return {
        "id": symptom.id,
        "title": sentence(title(symptom.id)).rstrip("."),
        "sentence": sentence(symptom.sentence),
        "place": where,
    }


def _gradient_noise_figure(record: Record) -> Figure | None:
    """Return a figure of the gradient noise scale over the steps, with the batch size; None if it was not measured."""
    places = [key for key in record.places("gradient_noise_scale") if len(record.series("gradient_noise_scale", key))]
    if not places:
        return None
    size = mean_batch_size(record) or float("nan")
    panel = panel_over_steps(record, "gradient_noise_scale", places, size, "examples in a batch")
    caption = (
        "If the batch is much smaller than the noise scale, each step is mostly noise. "
        "If it is much larger, the additional examples save few steps."
    )
    return Figure((panel,), caption)


def _parameter_figures(record: Record) -> list[Figure]:
    """Return the figures of relative update size and of gradient norm, with a curve for each parameter."""
    figures = []
    for name in PER_PARAMETER:
        places = [p for p in record.places(name) if p and len(record.series(name, p))][:MOST_PARAMETERS]
        if places:
            panel = panel_over_steps(record, name, places)
            figures.append(Figure((panel,), "There is one curve for each parameter, measured every few steps."))
    return figures
