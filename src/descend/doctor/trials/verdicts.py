"""The verdicts on trials."""

from enum import StrEnum


class Verdict(StrEnum):
    """The possible verdicts on the remedy of a trial."""

    PROVED = "proved"  # the remedy shows a gain on fresh seeds
    TRAIN_LONGER = "train_longer"  # the remedy shows a gain on fresh seeds, with more steps than the baseline
    PARTLY_FIXES = "partly_fixes"  # the remedy fixes one of several problems
    HELPS = "helps"  # the remedy shows a gain on the script's own seed
    NOT_PROVED = "not_proved"  # the remedy shows a gain on the script's own seed, but not on fresh seeds
    SUGGESTED = "suggested"  # the edit improves a script that has no problem
    NO_EFFECT = "no_effect"  # the cost changes too little
    WORSE = "worse"
    FAILED = "failed"  # the edited script failed, or its cost could not be compared
    INEFFECTIVE = "ineffective"  # the edit changed nothing in the run
