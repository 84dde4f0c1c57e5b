"""How far Taylor's approximations of a cost hold, by their errors against the distance."""

from descend.doctor.record import facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, words
from descend.doctor.report.wording import number

TONES = ("cause", "cure", "third")  # of one direction after another
POWERS = {"type": "log", "exponentformat": "power", "dtick": 1}


def taylor_picture(label: str, taylor: facts.Taylor) -> Figure:
    """Return the errors of the linear and of the quadratic model along some directions, from one point."""
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
                    "name": words(f"{name}, {order}"),
                    "line": {"color": tone, "width": 2 if order == "quadratic" else 1, "dash": _dash(order)},
                    "hovertemplate": "distance %{x:.3g}: off by %{y:.3g}",
                }
            )
    keys += [Key("error of the quadratic model", "ink"), Key("of the linear one", "ink", "dash")]
    panel = Panel(
        f"Errors of Taylor's approximations, {label} weights",
        tuple(traces),
        tuple(keys),
        x_title="distance from the weights",
        x=POWERS,
        y=POWERS | {"dtick": 2, "title": {"text": "error of the cost", "standoff": 4}},
        height=260,
    )
    return Figure((panel,), f"{_where(taylor)} Errors that rounding hides are left out.")


def _dash(order: str) -> str:
    return "solid" if order == "quadratic" else "dash"


def _where(taylor: facts.Taylor) -> str:
    known = [(name, found.breaks_at, found.length) for name, found in taylor.along.items()]
    told = [
        f"{name} from {number(at)} ({number(at / length)} of the weights' length)" for name, at, length in known if at
    ]
    if not told:
        return "The quadratic model is nowhere off by more than a tenth of the change."
    return f"The quadratic model is off by more than a tenth of the change: {'; '.join(told)}."
