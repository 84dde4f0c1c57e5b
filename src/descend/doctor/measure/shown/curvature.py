"""The curvature of the loss at points of a run: kind of critical point, eigenvectors, and the reach of Taylor's series.

Each fact is sent as soon as it is known, so that the results of an interrupted run can be shown too.
"""

from collections.abc import Sequence
from dataclasses import asdict

from torch import Tensor

from descend.doctor.measure.shown.directions import directions
from descend.doctor.measure.shown.outputs import with_outputs
from descend.doctor.measure.shown.points import Point, distinct_recordings, loss_at, points
from descend.doctor.measure.shown.progress import Progress
from descend.doctor.measure.shown.threads import few_threads
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Note, facts
from descend.doctor.tape import StaleData
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
from descend.landscape.eigenpairs import PRODUCTS
from descend.landscape.spectrum import FORMED, exact_ends, products_for
from descend.landscape.vectors import flat

NOT_DESCENDED = "the run's motion is not predicted, because the optimizer descends the loss in training mode"


def curvature(snapshot: Snapshot) -> Measurement:
    """Yield the facts that `descend show curvature` displays, at each requested point."""
    for point in points(snapshot):
        try:
            with few_threads(snapshot.parameters):
                yield from _curvature_at_point(snapshot, point)
        except (CurvatureUnavailable, StaleData) as error:
            raise Unavailable(str(error)) from None


def _curvature_at_point(snapshot: Snapshot, point: Point) -> Measurement:
    """Yield the facts of one point of the run; facts that are fast to compute come first."""
    loss = loss_at(snapshot, point)
    gradient = flat(loss.gradient(point.theta))
    yield point.fact(
        facts.CurvaturePoint(
            parameters=len(gradient),
            examples=sum(recording.batch_size for recording in distinct_recordings(snapshot)),
            batches=len(loss.parts),
            loss=loss.value(point.theta),
            gradient_norm=float(gradient.double().norm()),
            evaluation=snapshot.asked["evaluation"],
            optimizer=dict(point.optimizer),
        )
    )
    progress = Progress(snapshot, point, "eigenvalues", PRODUCTS)
    hessian, wanted = loss.hessian(point.theta), {"top": snapshot.asked["top"], "bottom": snapshot.asked["bottom"]}
    is_small = len(gradient) <= FORMED
    found = (
        exact_ends(hessian, point.theta, **wanted)
        if is_small
        else ends(hessian, point.theta, **wanted, go_on=progress.add)
    )
    yield point.fact(facts.Eigenvalues(_as_stored(found.top), _as_stored(found.bottom), found.products, found.noise))
    kind = critical_point(loss, point.theta, found)
    yield point.fact(facts.PointKind(kind.kind, kind.how, kind.noise, kind.p_value))
    if snapshot.asked["evaluation"]:
        yield Note("curvature", NOT_DESCENDED, point.step)
    else:
        progress = Progress(snapshot, point, "directions", PRODUCTS)
        yield point.fact(directions(snapshot, point, loss, found.pairs, progress.add))
    yield point.fact(_gauss_newton_facts(snapshot, point))
    rows, along = lines(loss, point.theta, found), dict[str, facts.TaylorErrors]()
    for name, row in rows.items():
        yield point.fact(facts.Measuring(f"Taylor's approximations, direction {len(along) + 1} of {len(rows)}"))
        along[name] = _taylor_errors(loss, point, row)
    yield point.fact(facts.Taylor(along))
    progress = Progress(snapshot, point, "density", products_for(len(gradient)))
    density = spectrum(hessian, point.theta, found, go_on=progress.add)
    yield point.fact(_spectrum_fact(density, snapshot))
    yield point.fact(facts.ConditionNumber(**asdict(condition_number(found, density))))
    yield point.fact(facts.Measuring(""))


def _gauss_newton_facts(snapshot: Snapshot, point: Point) -> facts.GaussNewton:
    """Return the largest eigenvalues of the Gauss–Newton matrix, or the reason why they are unknown."""
    try:
        loss = with_outputs(distinct_recordings(snapshot), snapshot.parameters, evaluation=snapshot.asked["evaluation"])
        matrix, progress = loss.gauss_newton(point.theta), Progress(snapshot, point, "Gauss–Newton matrix", PRODUCTS)
        found = ends(matrix, point.theta, top=snapshot.asked["top"], bottom=0, go_on=progress.add)
    except CurvatureUnavailable as reason:
        return facts.GaussNewton((), str(reason))
    return facts.GaussNewton(_as_stored(found.top), "")


def _taylor_errors(loss: Loss, point: Point, direction: Sequence[Tensor]) -> facts.TaylorErrors:
    """Return the errors of the loss's first- and second-order Taylor approximations along a direction."""
    found = taylor(loss, point.theta, direction)
    return facts.TaylorErrors(
        **asdict(found),
        first_errors=found.first_errors,
        second_errors=found.second_errors,
        length=float(flat(point.theta).double().norm()),
    )


def _as_stored(pairs: Sequence[Eigenpair]) -> tuple[facts.Eigenvalue, ...]:
    """Convert eigenpairs to the stored form: eigenvalues with their residuals."""
    return tuple(facts.Eigenvalue(pair.value, pair.residual) for pair in pairs)


def _spectrum_fact(found: Spectrum, snapshot: Snapshot) -> facts.Spectrum:
    """Convert the spectral density of the Hessian to the form in which it is stored."""
    return facts.Spectrum(
        values=found.values,
        weights=found.weights,
        trace=found.trace.samples,
        layers={snapshot.name(p): t.samples for p, t in zip(snapshot.parameters, found.traces)},
        products=found.products,
        is_exact=found.is_exact,
    )
