"""The curvature of a script's cost at points of its run: what kind of point, which directions, how far Taylor holds.

Each answer is sent when it is there, so that what an interruption leaves can be shown.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from descend.landscape import (
    CriticalPoint,
    CurvatureUnavailable,
    Ends,
    Loss,
    Spectrum,
    condition_number,
    critical_point,
    ends,
    spectrum,
    taylor,
)
from descend.landscape import directions as lines
from descend.landscape.spectrum import FORMED, formed_ends
from descend.landscape.vectors import flat
from descend.probes.moment import Measurement, Moment, Unavailable
from descend.probes.shown.directions import directions
from descend.probes.shown.outputs import with_outputs
from descend.probes.shown.points import Point, looked_on, loss_at, points
from descend.record import Fact, Note, facts
from descend.tape import Stale

NOT_DESCENDED = "what the rule does along each direction: it descends the cost in training mode, not in evaluation"


def curvature(moment: Moment) -> Measurement:
    """Yield the facts that `FACTS` of the report lists, of each point that is asked for."""
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
        evaluation=moment.asked["evaluation"],
        optimizer=dict(point.optimizer),
    )
    yield point.fact(facts.Measuring("eigenvalues"))
    hessian = loss.hessian(point.theta)
    search = formed_ends if len(gradient) <= FORMED else ends
    found = search(hessian, point.theta, top=moment.asked["top"], bottom=moment.asked["bottom"])
    yield fact("eigenvalues", **_ends(found))
    yield fact("kind", **_kind(critical_point(loss, point.theta, found)))
    if moment.asked["evaluation"]:
        yield Note("curvature", NOT_DESCENDED, point.step)
    else:
        yield point.fact(facts.Measuring("directions"))
        yield fact("directions", **directions(moment, point, loss, found.pairs))
    yield fact("gauss_newton", **_gauss_newton(moment, point))
    yield point.fact(facts.Measuring("Taylor's approximations"))
    yield fact("taylor", **{name: _taylor(loss, point, row) for name, row in lines(loss, point.theta, found).items()})
    yield point.fact(facts.Measuring("density"))
    density = spectrum(hessian, point.theta, found)
    yield fact("spectrum", **_spectrum(density, moment))
    yield fact("condition", **asdict(condition_number(found, density)))


def _kind(found: CriticalPoint) -> dict[str, Any]:
    return {"kind": found.kind, "how": found.how, "noise": found.noise, "p_value": found.p_value}


def _gauss_newton(moment: Moment, point: Point) -> dict[str, Any]:
    """Return the largest eigenvalues of the Gauss–Newton matrix, or why it is not known."""
    try:
        loss = with_outputs(looked_on(moment), moment.parameters, evaluation=moment.asked["evaluation"])
        found = ends(loss.gauss_newton(point.theta), point.theta, top=moment.asked["top"], bottom=0)
    except CurvatureUnavailable as reason:
        return {"top": [], "reason": str(reason)}
    return {"top": [(pair.value, pair.residual) for pair in found.top], "reason": ""}


def _taylor(loss: Loss, point: Point, direction: Sequence[Tensor]) -> dict[str, Any]:
    found = taylor(loss, point.theta, direction)
    errors = {"first_errors": found.first_errors, "second_errors": found.second_errors}
    return asdict(found) | errors | {"length": float(flat(point.theta).double().norm())}


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
