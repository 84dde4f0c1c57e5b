"""Inputs not normalised: features off centre or of unequal scale make the loss surface ill-conditioned."""

from statistics import median

from descend.doctor.course.progress import HARDLY_LEARNT, LEFT_TO_LEARN, first_rise, is_stuck, stuck_in_words
from descend.doctor.course.stability import PRECONDITIONED, is_of, stability_bound, step_lengths
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization; LeCun et al. 1998, §4.3"
WORSE_CONDITIONED = Bound(
    100.0,
    "times the condition number of standardised inputs",
    "chosen; the number by itself accuses the healthy: standardised digits have 150",
)
LARGEST_RMS = Bound(5.0, "root mean square of the largest feature", "chosen, where 1 is normalised")
SMALLEST_RMS = Bound(0.1, "root mean square of the largest feature", "chosen, where 1 is normalised")
OFF_CENTRE = Bound(
    10.0,
    "standard deviations between a feature's mean and zero",
    "chosen: such a feature hardly differs from a constant",
)
ALIKE = Bound(1.5, "times the least standard deviation", "chosen: a spread so small explains nothing")
NORMALISATIONS = ("batch_norm", "layer_norm", "instance_norm", "group_norm", "rms_norm")  # a first layer that does it


def inputs_not_normalised(record: Record) -> Sign | None:
    """Report inputs far from unit scale and far worse conditioned than standardised ones, in a run that fails."""
    inputs = record.fact(facts.Inputs)
    raw = record.series("input_condition_number").last
    standardised = record.series("input_condition_number_standardised").last
    if inputs is None or not raw >= WORSE_CONDITIONED * standardised:
        return None
    is_scaled = SMALLEST_RMS <= inputs.largest_rms <= LARGEST_RMS and not _off_centre(inputs)
    if is_scaled or inputs.first_layer in NORMALISATIONS:
        return None
    if record.fact(facts.SelfSampledLoss):  # a policy's: weighted by what it has earned, its loss need not fall
        return None
    for key in record.every(facts.Optimizer) or ["0"]:
        effect = _makes_unstable(record, key) or _slows(record, key)
        if effect is not None:
            likely, consequence = effect
            return _symptom(record, inputs, key, raw / standardised, likely, consequence)
    return None


def _off_centre(inputs: facts.Inputs) -> bool:
    """Whether half of the features lie many standard deviations from zero: they hardly differ from a constant."""
    shares = [abs(mean) / std for mean, std in zip(inputs.mean, inputs.std) if std > 0]
    return bool(shares) and median(shares) > OFF_CENTRE


def _makes_unstable(record: Record, key: str) -> tuple[bool, str] | None:
    """The same step would be stable on standardised inputs: the inputs are the cause, not the learning rate."""
    is_another = is_of(record, key, PRECONDITIONED)
    bound = None if is_another else stability_bound(record.fact(facts.Optimizer, key))
    lengths = step_lengths(record, key, "curvature")
    counterfactual = dict(step_lengths(record, key, "curvature_standardised"))
    suffers = first_rise(record, key) is not None or is_stuck(record, key, LEFT_TO_LEARN)
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


def _slows(record: Record, key: str) -> tuple[bool, str] | None:
    if not is_stuck(record, key, HARDLY_LEARNT):
        return None
    return False, f"{stuck_in_words(record, key, HARDLY_LEARNT)}"


def _scales(inputs: facts.Inputs) -> str:
    """Return what is wrong with the features' scales: their spread, their common size, or their distance from zero."""
    pairs = [(abs(mean), std) for mean, std in zip(inputs.mean, inputs.std) if std > 0] or [(0.0, 0.0)]
    least, most = min(std for _, std in pairs), max(std for _, std in pairs)
    spread = (
        f"range from {least:.2g} to {most:.2g}"
        if most >= ALIKE * least
        else f"are about {most:.2g}, where the bias has an input of 1"
    )
    off = max((mean / std for mean, std in pairs if std), default=0.0)
    centre = f", their means are up to {off:.2g} standard deviations from zero" if off > OFF_CENTRE else ""
    return f"feature standard deviations {spread}{centre}; the largest root mean square is {inputs.largest_rms:.3g}"


def _symptom(record: Record, inputs: facts.Inputs, key: str, ratio: float, likely: bool, consequence: str) -> Sign:
    sentence = (
        f"{_scales(inputs)}. The input covariance's condition number is {ratio:,.0f} times that of standardised "
        f"inputs (limit: {WORSE_CONDITIONED:.0f}). {consequence[:1].upper()}{consequence[1:]}"
    )
    return Sign(
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
