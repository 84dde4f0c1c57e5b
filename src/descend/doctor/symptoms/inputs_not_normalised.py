"""Inputs not normalised: features off centre or of unequal scale make the loss surface ill-conditioned.

The Hessian of the first layer's weights is proportional to E[x·xᵀ], the second moment of the inputs. A feature with the
standard deviation s contributes an eigenvalue of about s². A common mean m of n features adds one of about n·m². So the
condition number grows with the square of the ratio of scales, and gradient descent needs as many steps (LeCun et al.
1998, §4.3).
"""

from statistics import median

from descend.core.bound import Bound
from descend.core.operations import Trait, having
from descend.doctor.assess.progress_messages import not_learned_message
from descend.doctor.assess.stability import PRECONDITIONED, learning_rate_times_curvature, stability_bound, uses_rule
from descend.doctor.assess.summary import LEFT_TO_LEARN, LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.learning_rates import SAFE_SHARE, SHARPENING, rate_for_standardised_inputs
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM_AS_WORKAROUND, STABLE_RATE_AS_WORKAROUND

SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization; LeCun et al. 1998, §4.3"
WORSE_CONDITIONED = Bound(
    100.0,
    "multiple of the condition number of standardised inputs",
    "chosen: the ratio counts, since a large condition number alone is no evidence: even standardised digits have 150",
)
LARGEST_RMS = Bound(
    5.0, "root mean square of the largest feature", "chosen: the root mean square of a normalised feature is 1"
)
SMALLEST_RMS = Bound(
    0.1, "root mean square of the largest feature", "chosen: the root mean square of a normalised feature is 1"
)
OFF_CENTRE = Bound(
    10.0,
    "standard deviations between a feature's mean and zero",
    "chosen: the variation of such a feature is negligible in comparison with its mean",
)
ALIKE = Bound(
    1.5,
    "multiple of the smallest standard deviation of a feature",
    "chosen: smaller differences between the scales of the features do not affect the training",
)
# layers that normalise the inputs if they are the first layer of the network
NORMALISATIONS = having(Trait.NORMALISES_CHANNELS, Trait.NORMALISES_FEATURES, Trait.NORMALISES_GROUPS)

PROBLEM = Problem(
    id="inputs_not_normalised",
    kind="statics",
    title="inputs are not normalised",
    consequences=frozenset(
        {
            "saturated_units",
            "bad_initialisation",
            "clipping_too_hard",
            "momentum_mismatch",
            "layer_rate_mismatch",
            "exploding_gradients",
            "instability",
            "dead_units",
            "vanishing_gradients",
            "oscillation",
            "correlated_inputs",
            "slow_progress",
            "plateau",
            "stopped_too_early",
        }
    ),
    remedies=(
        RemedyEntry(
            "standardise_data",
            only_optimizer,
            "standardise inputs where they are made",
            phrases.EVEN_CURVATURE,
            phrases.NORMALISATION_SOURCE,
            cost=1,
        ),
        RemedyEntry(
            "standardise_data+learning_rate",
            rate_for_standardised_inputs(SAFE_SHARE),
            f"standardise inputs where they are made, {phrases.NEW_LEARNING_RATE}",
            phrases.EVEN_CURVATURE,
            phrases.NORMALISATION_SOURCE,
            cost=2,
        ),
        RemedyEntry(
            "standardise_inputs",
            only_optimizer,
            "standardise inputs",
            phrases.EVEN_CURVATURE,
            phrases.NORMALISATION_SOURCE,
        ),
        RemedyEntry(
            "standardise_inputs+learning_rate",
            rate_for_standardised_inputs(SAFE_SHARE),
            f"standardise inputs, {phrases.NEW_LEARNING_RATE}",
            phrases.EVEN_CURVATURE,
            phrases.NORMALISATION_SOURCE,
            cost=3,
        ),
        RemedyEntry(
            "standardise_inputs+learning_rate",
            rate_for_standardised_inputs(SHARPENING),
            f"standardise inputs, {phrases.NEW_LEARNING_RATE}",
            phrases.EVEN_CURVATURE,
            phrases.NORMALISATION_SOURCE,
            cost=3,
        ),
        STABLE_RATE_AS_WORKAROUND,
        ADAM_AS_WORKAROUND,
    ),
    example=CodeExample(
        faulty="train, test = inputs[:800], inputs[800:]",
        fixed=(
            "train, test = inputs[:800], inputs[800:]\n"
            "mean, std = train.mean(0), train.std(0)\n"
            "train, test = (train - mean) / std, (test - mean) / std"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report unscaled inputs with at least 100 times the condition number of standardised ones, in a run that fails."""
    inputs = record.fact(facts.Inputs)
    raw = record.series("input_condition_number").last
    standardised = record.series("input_condition_number_standardised").last
    if inputs is None or not raw >= WORSE_CONDITIONED * standardised:
        return None
    is_scaled = SMALLEST_RMS <= inputs.largest_rms <= LARGEST_RMS and not _are_means_far_from_zero(inputs)
    if is_scaled or inputs.first_layer in NORMALISATIONS:
        return None
    if record.fact(facts.SelfSampledLoss):  # The loss of a policy is weighted by returns, so it need not fall.
        return None
    for key in record.every(facts.Optimizer) or ["0"]:
        effect = _instability_effect(record, summary, key) or _slow_progress_effect(record, summary, key)
        if effect is not None:
            likely, consequence = effect
            return _symptom(record, inputs, key, raw / standardised, likely, consequence)
    return None


def _are_means_far_from_zero(inputs: facts.Inputs) -> bool:
    """Return whether the means of at least half of the features are many standard deviations from zero."""
    shares = [abs(mean) / std for mean, std in zip(inputs.mean, inputs.std) if std > 0]
    return bool(shares) and median(shares) > OFF_CENTRE


def _instability_effect(record: Record, summary: RunSummary, key: str) -> tuple[bool, str] | None:
    """Return True and a sentence if a step is unstable but would be stable with standardised inputs; otherwise None."""
    is_another = uses_rule(record, key, PRECONDITIONED)
    bound = None if is_another else stability_bound(record.fact(facts.Optimizer, key))
    lengths = learning_rate_times_curvature(record, key, "curvature")
    counterfactual = dict(learning_rate_times_curvature(record, key, "curvature_standardised"))
    suffers = summary.first_rise(key) is not None or summary.is_stuck(key, LEFT_TO_LEARN)
    if bound is None or not suffers:
        return None
    for step, value in lengths:
        other = counterfactual.get(step)
        if other is not None and value > bound.value > other:
            return True, (
                f"learning rate × largest curvature is {value:.3g} (stability limit: {bound.value:.3g}; with "
                f"standardised inputs {other:.2g}), so the steps overshoot"
            )
    return None


def _slow_progress_effect(record: Record, summary: RunSummary, key: str) -> tuple[bool, str] | None:
    """Return False (slow progress is an uncertain effect) and a sentence about it; None if the run learns enough."""
    if not summary.is_stuck(key, LITTLE_LEARNED):
        return None
    return False, not_learned_message(summary, key, LITTLE_LEARNED)


def _scales_phrase(inputs: facts.Inputs) -> str:
    """Return a phrase about the features' scales: their standard deviations, and how far their means are from zero."""
    pairs = [(abs(mean), std) for mean, std in zip(inputs.mean, inputs.std) if std > 0] or [(0.0, 0.0)]
    least, most = min(std for _, std in pairs), max(std for _, std in pairs)
    spread = (
        f"range from {least:.2g} to {most:.2g}"
        if most >= ALIKE * least
        else f"are all about {most:.2g}, while the bias has the constant input 1"
    )
    off = max((mean / std for mean, std in pairs if std), default=0.0)
    centre = f", and their means are up to {off:.2g} standard deviations from zero" if off > OFF_CENTRE else ""
    return f"feature standard deviations {spread}{centre}; the largest root mean square is {inputs.largest_rms:.3g}"


def _symptom(record: Record, inputs: facts.Inputs, key: str, ratio: float, likely: bool, consequence: str) -> Detection:
    """Return the symptom of unnormalised inputs.

    `ratio` is the condition number of the inputs divided by that of standardised inputs.
    """
    sentence = (
        f"{_scales_phrase(inputs)}. The input covariance's condition number is {ratio:,.0f} times that of standardised "
        f"inputs (limit: {WORSE_CONDITIONED:.0f}). {consequence[:1].upper()}{consequence[1:]}"
    )
    return Detection(
        False,
        sentence,
        "condition_number ratio",
        ratio,
        WORSE_CONDITIONED,
        SOURCE,
        data_site(record),
        likely=likely,
        optimizer=key,
        evidence=(("loss", key), ("curvature", key), ("curvature_standardised", key)),
    )
