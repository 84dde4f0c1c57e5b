"""Forms of published rules, by which a search's finds are recognised."""

from functools import cache

from descend.discover.expression import read_prefix
from descend.discover.values import fingerprint

FORMS: dict[str, dict[str, str]] = {
    "momentum": {"m": "momentum", "+ g m": "Nesterov-like: gradient and momentum"},
    "sign": {"sign g": "sign of the gradient", "sign m": "sign of the momentum", "sign + g m": "Lion-like"},
    "normalised": {
        "/ g sqrt v": "RMSprop",
        "/ m sqrt v": "Adam",
        "/ + g m sqrt v": "Nadam-like",
    },
    "sign agreement": {
        "* g exp * sign g sign m": "PowerSign",
        "* m exp * sign g sign m": "PowerSign of the momentum",
        "* g + 1 * sign g sign m": "AddSign, α = 1",
        "* g + 2 * sign g sign m": "AddSign, α = 2",
        "* m + 1 * sign g sign m": "AddSign of the momentum, α = 1",
        "* m + 2 * sign g sign m": "AddSign of the momentum, α = 2",
    },
}


@cache
def known_fingerprints() -> dict[str, tuple[str, str]]:
    """Return the family and the name of each published form, by its fingerprint."""
    found = {}
    for family, forms in FORMS.items():
        for prefix, name in forms.items():
            digest = fingerprint(read_prefix(prefix.split()))
            assert digest is not None, name
            found[digest] = family, name
    return found
