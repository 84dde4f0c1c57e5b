"""Refuse a keyword argument that nothing reads: a misspelt option must not be ignored in silence."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

SYNONYMS = {  # a name from another library, or from a paper -> ours, which is torch's
    "learning_rate": "lr",
    "eta": "lr",
    "beta1": "betas",
    "beta2": "betas",
    "epsilon": "eps",
    "l2": "weight_decay",
    "mu": "momentum",
}


def check_keywords(owner: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise `TypeError` for the first keyword argument that `owner` does not take, with the name that is meant."""
    for name in given:
        if name not in known:
            raise TypeError(f"{owner} got an unexpected keyword argument {name!r}; {_suggestion(name, known)}")


def _suggestion(name: str, known: Collection[str]) -> str:
    close = [SYNONYMS[name]] if SYNONYMS.get(name) in known else get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}"
