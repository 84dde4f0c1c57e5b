"""What a symptom is."""

from dataclasses import dataclass, field

from descend.record import Record, Site

# What any grave mistake makes of a run: none of these is news once it is known.
ECHOES = frozenset(
    "instability exploding_gradients cliff dead_units saturated_units bad_initialisation vanishing_gradients "
    "slow_progress plateau saddle_point oscillation fluctuations ill_conditioned_curvature covariate_shift "
    "local_optima stopped_too_early over_regularised momentum_mismatch layer_rate_mismatch correlated_inputs "
    "overfitting".split()
)
EARLY = 3  # steps, or looks: what is wired wrongly shows in each of the first few; what is meant shows otherwise once
FRESH = 0.5  # share of the weight matrices that nothing has trained or loaded: a backbone's were


@dataclass(frozen=True)
class Symptom:
    """One thing that is wrong with a run, the number that shows it and the bound it breaks."""

    id: str  # inputs_not_normalised, instability, ...
    kind: str  # wiring, statics or dynamics
    certain: bool  # a fact stands by itself; a suspicion becomes a finding when a trial of a remedy wins
    sentence: str  # what is wrong, the number against the bound, and what follows
    quantity: str  # name of the measured number
    value: float
    bound: float
    source: str  # where the bound comes from: paper or lecture, section or equation
    where: Site | None = None  # the line of the user's that it comes from
    module: str = ""  # the module or parameter it shows in
    optimizer: str = "0"  # key of the optimizer it concerns
    evidence: tuple[tuple[str, str], ...] = (("loss", "0"),)  # (name, place) of the series that show it
    likely: bool = False  # a suspicion that a clean bill needs to be decided against
    explains: frozenset[str] = field(default=frozenset())  # ids that are its consequences in this run

    @property
    def standing(self) -> str:
        """How sure it is without a trial: `fact`, `likely` or `suspected`."""
        return "fact" if self.certain else "likely" if self.likely else "suspected"


def optimizer_name(record: Record, key: str) -> str:
    """Return what the script calls an optimizer, to be put into a sentence."""
    made = record.site("optimizer", key)
    return f"`{made.variable}`" if made is not None and made.variable else "the optimizer"
