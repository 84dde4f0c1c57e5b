"""What detect-secrets knows of services' keys. Loaded when a text needs it: it takes a fifth of a second."""

import re
from collections.abc import Iterable
from functools import cache

from descend.doctor.redaction.shapes import HIDDEN

# Left out: addresses are no secrets; what stands beside a secret's name is found by `shapes`, which knows code from
# values; passwords of Artifactory begin like words (APEXtraction); runs of high entropy are module names, digests and
# paths in a traceback, quoted or not, so what is drawn is told by `looks`, which is calibrated on such names.
_LEFT_OUT = frozenset(
    "IPPublicDetector KeywordDetector ArtifactoryDetector HexHighEntropyString Base64HighEntropyString "
    "PrivateKeyDetector BasicAuthDetector".split()
)
_CANDIDATE = re.compile(r"(?<![\w=+-])(?=[A-Za-z_=+-]*\d)[\w=+-]{20,}", re.ASCII)  # no service has shorter keys
LEAST_VALUE = 16  # characters; a shorter group of a pattern is a prefix


def mask_services(text: str) -> str:
    """Return a text with the keys of known services replaced by `***`."""
    if not _CANDIDATE.search(text):
        return text
    for pattern in _patterns():
        text = pattern.sub(_mask, text)
    return text


def _mask(found: re.Match[str]) -> str:
    values = [group for group in found.groups() if group and len(group) >= LEAST_VALUE]
    return found[0].replace(max(values, key=len), HIDDEN) if values else HIDDEN


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    kinds: Iterable[type] = get_mapping_from_secret_type_to_class().values()
    kept = [kind for kind in kinds if kind.__name__ not in _LEFT_OUT]
    return tuple(pattern for kind in kept for pattern in getattr(kind, "denylist", ()))
