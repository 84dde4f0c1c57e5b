"""The curvature of a script's cost at points of its run: what kind of point, which directions, how far Taylor holds.

Each answer is sent when it is there, so that what an interruption leaves can be shown.
"""

from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor

from descend.doctor.probes.shown.directions import directions
from descend.doctor.probes.shown.outputs import with_outputs
from descend.doctor.probes.shown.points import Point, looked_on, loss_at, points
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Note, facts
from descend.doctor.tape import Stale
from descend.landscape import (
    CurvatureUnavailable,
    Eigenpair,
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

NOT_DESCENDED = "what the rule does along each direction: it descends the cost in training mode, not in evaluation"


def curvature(snapshot: Snapshot) -> Measurement:
    """Yield the facts that `FACTS` of the report lists, of each point that is asked for."""
    for point in points(snapshot):
        try:
            yield from _curvature(snapshot, point)
        except (CurvatureUnavailable, Stale) as error:
            raise Unavailable(str(error)) from None


def _curvature(snapshot: Snapshot, point: Point) -> Measurement:
    loss = loss_at(snapshot, point)
    gradient = flat(loss.gradient(point.theta))
    yield point.fact(
        facts.CurvaturePoint(
            parameters=len(gradient),
            examples=sum(recording.examples for recording in looked_on(snapshot)),
            batches=len(loss.parts),
            loss=loss.value(point.theta),
            gradient_norm=float(gradient.double().norm()),
            evaluation=snapshot.asked["evaluation"],
            optimizer=dict(point.optimizer),
        )
    )
    yield point.fact(facts.Measuring("eigenvalues"))
    hessian = loss.hessian(point.theta)
    search = formed_ends if len(gradient) <= FORMED else ends
    found = search(hessian, point.theta, top=snapshot.asked["top"], bottom=snapshot.asked["bottom"])
    yield point.fact(facts.Eigenvalues(_values(found.top), _values(found.bottom), found.products, found.noise))
    kind = critical_point(loss, point.theta, found)
    yield point.fact(facts.PointKind(kind.kind, kind.how, kind.noise, kind.p_value))
    if snapshot.asked["evaluation"]:
        yield Note("curvature", NOT_DESCENDED, point.step)
    else:
        yield point.fact(facts.Measuring("directions"))
        yield point.fact(directions(snapshot, point, loss, found.pairs))
    yield point.fact(_gauss_newton(snapshot, point))
    yield point.fact(facts.Measuring("Taylor's approximations"))
    along = {name: _taylor(loss, point, row) for name, row in lines(loss, point.theta, found).items()}
    yield point.fact(facts.Taylor(along))
    yield point.fact(facts.Measuring("density"))
    density = spectrum(hessian, point.theta, found)
    yield point.fact(_spectrum(density, snapshot))
    yield point.fact(facts.ConditionNumber(**asdict(condition_number(found, density))))


def _gauss_newton(snapshot: Snapshot, point: Point) -> facts.GaussNewton:
    """Return the largest eigenvalues of the Gauss–Newton matrix, or why it is not known."""
    try:
        loss = with_outputs(looked_on(snapshot), snapshot.parameters, evaluation=snapshot.asked["evaluation"])
        found = ends(loss.gauss_newton(point.theta), point.theta, top=snapshot.asked["top"], bottom=0)
    except CurvatureUnavailable as reason:
        return facts.GaussNewton((), str(reason))
    return facts.GaussNewton(_values(found.top), "")


def _taylor(loss: Loss, point: Point, direction: Sequence[Tensor]) -> facts.TaylorErrors:
    found = taylor(loss, point.theta, direction)
    return facts.TaylorErrors(
        **asdict(found),
        first_errors=found.first_errors,
        second_errors=found.second_errors,
        length=float(flat(point.theta).double().norm()),
    )


def _values(pairs: Sequence[Eigenpair]) -> tuple[facts.Eigenvalue, ...]:
    return tuple(facts.Eigenvalue(pair.value, pair.residual) for pair in pairs)


def _spectrum(found: Spectrum, snapshot: Snapshot) -> facts.Spectrum:
    return facts.Spectrum(
        values=found.values,
        weights=found.weights,
        trace=found.trace.samples,
        layers={snapshot.name(p): t.samples for p, t in zip(snapshot.parameters, found.traces)},
        products=found.products,
        is_exact=found.is_exact,
    )
