"""Rejection of unknown keyword arguments, because a misspelt option must not be ignored silently."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

SYNONYMS = {  # the name of an argument, by its name in another library or a paper
    "learning_rate": "lr",
    "eta": "lr",
    "beta1": "betas",
    "beta2": "betas",
    "epsilon": "eps",
    "l2": "weight_decay",
    "mu": "momentum",
    # arguments of torch's schedulers, and the fields of descend's schedules
    "T_max": "total_steps",
    "total_iters": "total_steps",
    "T_0": "period",
    "step_size": "period",
    "T_mult": "growth",
    "gamma": "decay",
}


def check_keywords(owner: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise `TypeError` for the first given keyword that is not in `known`. The message suggests the correct name."""
    for name in given:
        if name not in known:
            raise TypeError(f"{owner} got an unexpected keyword argument {name!r}; {_suggestion_message(name, known)}")


def _suggestion_message(name: str, known: Collection[str]) -> str:
    """Return a hint for an unknown keyword argument: the most similar known name, or all known names."""
    close = [SYNONYMS[name]] if SYNONYMS.get(name) in known else get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}"
