"""The curvature of a script's cost at points of its run: ends of the spectrum, density, trace, by layer.

Each answer is sent when it is there, so that what an interruption leaves can be shown.
"""

from typing import Any

from descend.landscape import CurvatureUnavailable, Ends, Spectrum, ends, spectrum
from descend.landscape.vectors import flat
from descend.probes.moment import Measurement, Moment, Unavailable
from descend.probes.shown.directions import directions
from descend.probes.shown.points import Point, looked_on, loss_at, points
from descend.record import Fact
from descend.tape import Stale


def curvature(moment: Moment) -> Measurement:
    """Yield the facts `point`, `eigenvalues`, `directions` and `spectrum` of each point that is asked for."""
    for point in points(moment):
        try:
            yield from _curvature(moment, point)
        except (CurvatureUnavailable, Stale) as error:
            raise Unavailable(str(error)) from None


def _curvature(moment: Moment, point: Point) -> Measurement:
    def fact(name: str, **detail: Any) -> Fact:
        return Fact(name, point.label, point.step, detail)

    loss = loss_at(moment, point)
    gradient = flat(loss.gradient(point.theta))
    yield fact(
        "point",
        loss=loss.value(point.theta),
        gradient_norm=float(gradient.double().norm()),
        parameters=len(gradient),
        examples=sum(recording.examples for recording in looked_on(moment)),
        batches=len(loss.parts),
        optimizer=dict(point.optimizer),
    )
    yield fact("measuring", what="eigenvalues")
    hessian = loss.hessian(point.theta)
    found = ends(hessian, point.theta, top=moment.asked["top"], bottom=moment.asked["bottom"])
    yield fact("eigenvalues", **_ends(found))
    yield fact("measuring", what="directions")
    yield fact("directions", **directions(moment, point, loss, found.pairs))
    yield fact("measuring", what="density")
    yield fact("spectrum", **_spectrum(spectrum(hessian, point.theta, found), moment))


def _ends(found: Ends) -> dict[str, Any]:
    return {
        "top": [(pair.value, pair.residual) for pair in found.top],
        "bottom": [(pair.value, pair.residual) for pair in found.bottom],
        "products": found.products,
        "noise": found.noise,
    }


def _spectrum(found: Spectrum, moment: Moment) -> dict[str, Any]:
    return {
        "values": found.values,
        "weights": found.weights,
        "trace": found.trace.samples,
        "layers": {moment.name(p): t.samples for p, t in zip(moment.parameters, found.traces)},
        "products": found.products,
        "is_exact": found.is_exact,
    }
