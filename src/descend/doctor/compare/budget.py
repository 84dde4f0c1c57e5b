"""How many runs of the search fit before the deadline, with the runs on fresh seeds that follow."""

from dataclasses import dataclass
from math import ceil, isinf

from descend.core.bound import Count
from descend.core.errors import UsageError

LEAST_TRIALS = Count(
    3, "runs of the search for each choice", "chosen: with fewer, a learning rate has no neighbour on both sides"
)


@dataclass(frozen=True)
class ComparisonTime:
    """The predicted time of a comparison. Several runs take place at the same time."""

    run_s: float  # seconds of one run
    slots: int  # number of runs at the same time
    choices: int  # number of choices
    searched: int  # number of choices whose settings are searched
    seeds: int  # number of fresh seeds
    repeated: int = 0  # number of runs that repeat the best values of the search
    further: int = 0  # number of runs of the search beyond the budget
    sequential: int = 0  # number of runs that are made alone at the end, to time their steps

    def seconds(self, trials: int) -> float:
        """Return the seconds of a comparison with this many runs of the search for each searched choice.

        Choices without a search have one run on the tuning seed. Each choice and the unchanged script run with each
        seed.
        """
        rounds = ceil(self.choices / self.slots) + max(0, trials - 1) * ceil(self.searched / self.slots)
        final = ceil(self.seeds * (1 + self.choices) / self.slots)
        further, repeated = (ceil(runs / self.slots) for runs in (self.further, self.repeated))
        return (rounds + further + repeated + final + self.sequential) * self.run_s

    def fitting_trials(self, budget_s: float, used_s: float, wanted: int) -> int:
        """Return the number of runs of the search for each choice that fit the budget, at most `wanted`.

        used_s: seconds of the budget that are used. Raises `UsageError` if too few fit.
        """
        if isinf(budget_s):
            return wanted
        least = min(wanted, LEAST_TRIALS) if self.searched else 1
        fitting = [trials for trials in range(least, wanted + 1) if used_s + self.seconds(trials) <= budget_s]
        if not fitting:
            what = "one choice" if self.choices == 1 else f"{self.choices} choices"
            raise UsageError(
                f"--budget {budget_s:.12g}s is too short to compare {what}: it takes about "
                f"{used_s + self.seconds(least):.0f} s. Give it more time, name fewer choices, use fewer --seeds, "
                "or compare shorter runs with --steps"
            )
        return fitting[-1]
