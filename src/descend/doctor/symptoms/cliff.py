"""Cliff: after steady progress, one long step moves the parameters far away, and the loss jumps and stays high.

At a steep wall of the loss surface, the gradient g has many times its usual norm. The step lr·g is as many times too
long (Pascanu et al. 2013, §2.3). It ends far from the region that earlier steps had found. Clipping, g·min(1, c/‖g‖),
limits the step's length to lr·c and keeps its direction.
"""

from collections.abc import Iterator, Sequence
from math import inf, isfinite
from operator import itemgetter
from statistics import median

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, Series, SiteKind
from descend.doctor.remedy_arguments.training_loop import median_gradient_norm
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import CLIP_RARE_GRADIENTS, STABLE_RATE_AS_WORKAROUND

SOURCE = (
    "Pascanu et al. 2013, §2.3: the error surface of a recurrent network has walls, and clipping limits the step there"
)
JUMP = Bound(
    5.0,
    "multiple of the usual loss of the preceding steps",
    "chosen: a smaller jump may only mean that one step was slightly too long",
)
LASTS = Count(
    5,
    "losses after a jump; their median must exceed all losses shortly before the jump",
    "by chance, three of five losses exceed all 20 earlier ones in only 1 of 230 cases, but a single loss does so in "
    "1 of 21 cases",
)
COME_DOWN = Bound(0.9, "share of the first loss", "chosen: the loss has made progress if it has decreased by a tenth")
QUIET = Count(20, "steps before a jump", "chosen: the median of twenty losses is a good estimate of the usual loss")
SPIKE = Bound(
    20.0,
    "multiple of the usual gradient norm of the preceding steps",
    "chosen: recurrent networks that continued to learn had norms of up to 12 times the usual norm",
)

PROBLEM = Problem(
    id="cliff",
    kind="dynamics",
    title="one long step undid the progress",
    consequences=frozenset({"dead_units"}),
    remedies=(
        RemedyEntry(
            "clip_gradients",
            median_gradient_norm,
            phrases.CLIP_GRADIENT_NORM,
            phrases.LIMITED_STEP,
            "Pascanu et al. 2013, §3.2",
        ),
        CLIP_RARE_GRADIENTS,
        STABLE_RATE_AS_WORKAROUND,
    ),
    example=CodeExample(
        faulty=(
            "outputs, state = rnn(sequences)  # 500 time steps\n"
            "loss = F.mse_loss(outputs[:-1], sequences[1:])\n"
            "loss.backward()  # in rare steps, the gradient is 1,000 times larger\n"
            "optimizer.step()"
        ),
        fixed=(
            "outputs, state = rnn(sequences)\n"
            "loss = F.mse_loss(outputs[:-1], sequences[1:])\n"
            "loss.backward()\n"
            "nn.utils.clip_grad_norm_(rnn.parameters(), max_norm=1.0)\n"
            "optimizer.step()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that has fallen but then jumps and stays high, in a run that ends with a high loss.

    An increase to five times the usual loss counts as a jump. After a spike of the gradient norm, a smaller increase
    counts as well, since saturated outputs limit the loss. A single high loss does not count: one hard batch may be
    the cause.
    """
    losses = record.series("loss", "0")
    jump, at = max(_lasting_loss_jumps(losses), key=itemgetter(0), default=(1.0, 0))
    if not (summary.cost_left > LITTLE_LEARNED or jump == inf):
        return None
    if jump >= JUMP:
        times = f"jumps to {jump:.3g} times its usual value (limit: {JUMP:g})"
        grown = times if jump < inf else "becomes infinite or NaN"
        return _symptom(
            record, f"at step {at}, after the loss had fallen, it {grown}", ("loss / its usual value", jump, JUMP)
        )
    spike, at = max(_harmful_gradient_spikes(record, losses), key=itemgetter(0), default=(1.0, 0))
    if not spike > SPIKE:
        return None
    return _symptom(
        record,
        f"at step {at} the gradient norm is {spike:.3g} times its usual value (limit: {SPIKE:g}), and after that "
        "step the loss stays higher than before",
        ("gradient norm / usual gradient norm", spike, SPIKE),
    )


def _symptom(record: Record, seen: str, measured: tuple[str, float, Bound]) -> Detection:
    """Return the symptom of a cliff of the loss surface.

    `seen` describes the evidence in words; `measured` is the measured quantity, its value and its limit.
    """
    quantity, value, bound = measured
    return Detection(
        certain=False,
        sentence=f"{seen}: one long step at a steep part of the loss surface undoes the progress",
        quantity=quantity,
        value=value,
        bound=bound,
        source=SOURCE,
        where=record.site(SiteKind.STEP, "0"),
        evidence=(("loss", "0"), ("step_gradient_norm", "0")),
    )


def _lasting_loss_jumps(losses: Series) -> Iterator[tuple[float, int]]:
    """Yield each lasting jump of the loss, as a multiple of the usual loss before it, together with its step.

    An infinite or NaN loss counts as an infinite jump and ends the search.
    """
    for i in range(QUIET, len(losses)):
        usual, value = median(losses.values[i - QUIET : i]), losses.values[i]
        if not _has_loss_fallen(losses, usual):
            continue
        if not isfinite(value):
            yield inf, losses.steps[i]
            return
        if value > usual and _does_loss_stay_higher(losses.values, i, i):
            yield value / usual, losses.steps[i]


def _harmful_gradient_spikes(record: Record, losses: Series) -> Iterator[tuple[float, int]]:
    """Yield each spike of the gradient norm after which the loss stays higher, and its step.

    The spike is given as a multiple of the usual gradient norm before it.
    """
    norms = record.series("clipped_norm") or record.series("step_gradient_norm", "0")
    places = {step: i for i, step in enumerate(losses.steps)}
    for n in range(QUIET, len(norms)):
        usual, i = median(norms.values[n - QUIET : n]), places.get(norms.steps[n], 0)
        if i < QUIET or not 0 < usual * SPIKE < norms.values[n] < inf:
            continue
        if _has_loss_fallen(losses, median(losses.values[i - QUIET : i])) and _does_loss_stay_higher(
            losses.values, i, i + 1
        ):
            yield norms.values[n] / usual, norms.steps[n]


def _has_loss_fallen(losses: Series, usual: float) -> bool:
    """Return whether `usual`, the median of the preceding losses, is clearly below the first loss of the run."""
    return 0 < usual < COME_DOWN * losses.first


def _does_loss_stay_higher(losses: Sequence[float], quiet: int, start: int) -> bool:
    """Return whether the median of the losses from index `start` exceeds all `QUIET` losses before index `quiet`."""
    after = losses[start : start + LASTS]
    return len(after) == LASTS and median(after) > max(losses[quiet - QUIET : quiet])
