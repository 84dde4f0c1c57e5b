"""The errors of the linear and the quadratic Taylor approximation of the loss, over the distance."""

from descend.doctor.record import facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, chart_label
from descend.doctor.report.formatting import number

TONES = ("cause", "cure", "third")  # names of the colours of the directions
POWERS = {"type": "log", "exponentformat": "power", "dtick": 1}


def taylor_figure(label: str, taylor: facts.Taylor) -> Figure:
    """Return a figure of the errors of the linear and the quadratic approximation along several directions."""
    traces, keys = list[Trace](), list[Key]()
    for (name, found), tone in zip(taylor.along.items(), TONES):
        keys.append(Key(name, tone))
        for order, errors in (("linear", found.first_errors), ("quadratic", found.second_errors)):
            seen = [(t, e) for t, e in zip(found.distances, errors) if e > found.floor]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [distance for distance, _ in seen],
                    "y": [error for _, error in seen],
                    "name": chart_label(f"{name}, {order}"),
                    "line": {
                        "color": tone,
                        "width": 2 if order == "quadratic" else 1,
                        "dash": "solid" if order == "quadratic" else "dash",
                    },
                    "hovertemplate": "distance %{x:.3g}: off by %{y:.3g}",
                }
            )
    keys += [Key("quadratic approximation", "ink"), Key("linear approximation", "ink", "dash")]
    panel = Panel(
        f"Errors of the Taylor approximations at the {label} weights",
        tuple(traces),
        tuple(keys),
        x_title="distance from the weights",
        x=POWERS,
        y=POWERS | {"dtick": 2, "title": {"text": "error of the loss", "standoff": 4}},
        height=260,
    )
    return Figure(
        (panel,), f"{_validity_message(taylor)} Errors smaller than the rounding error of the loss are not drawn."
    )


def _validity_message(taylor: facts.Taylor) -> str:
    """Return a sentence that says at which distances the quadratic approximation becomes inaccurate."""
    known = [(name, found.breaks_at, found.length) for name, found in taylor.along.items()]
    parts = [
        f"along the direction “{name}”, from a distance of {number(at)} ({number(at / length)} of the weights' norm)"
        for name, at, length in known
        if at
    ]
    if not parts:
        return "The error of the quadratic approximation is everywhere below a tenth of the change of the loss."
    return f"The error of the quadratic approximation exceeds a tenth of the change of the loss: {'; '.join(parts)}."
