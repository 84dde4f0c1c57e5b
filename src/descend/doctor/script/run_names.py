"""The names that records store for the role of a run and for the reason of its end."""

from enum import StrEnum


class Role(StrEnum):
    """The purpose of a run. The values are stored in records."""

    BASELINE = "baseline"  # a run of the unmodified script, which is diagnosed
    TRIAL_RUN = "trial_run"  # a run of a trial's edited script
    BARE = "bare"  # a run whose steps are only counted
    WATCH = "watch"  # a run of the script under `descend watch`
    RANK = "rank"  # a process other than rank 0 in a watched distributed run
    GRADCHECK = "gradcheck"  # a run of the script under `descend gradcheck`
    SHOW = "show"  # a run of the script under `descend lab`


class EndReason(StrEnum):
    """The reason why a run ended. The values are stored in records."""

    FINISHED = "finished"  # the script ended by itself
    WINDOW = "window"  # the run reached its limit of steps or time
    FAILED = "failed"  # the script raised an exception
    KILLED = "killed"  # the process disappeared without a report
    INTERRUPTED = "interrupted"  # the user pressed Ctrl-C
