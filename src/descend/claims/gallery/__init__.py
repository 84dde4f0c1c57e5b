"""The claims: one file each, named like the claim."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from descend.claims.claim import Claim


@cache
def claim_names() -> tuple[str, ...]:
    """Return the names of all claims, in alphabetical order."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def load_claim(name: str) -> Claim:
    """Return a claim by its name, such as `momentum-helps`."""
    claim = import_module(f"{__name__}.{name.replace('-', '_')}").CLAIM
    assert isinstance(claim, Claim)
    return claim
