"""Mask the keys of known services with the patterns of detect-secrets, which is only imported (0.2 s) when needed."""

import re
from collections.abc import Iterable
from functools import cache

from descend.doctor.redaction.shapes import HIDDEN

# These detectors of detect-secrets are not used: they take ordinary text for secrets, or other code does their work.
# For example, the detectors of high entropy also report names of modules and digests.
_LEFT_OUT = frozenset(
    "IPPublicDetector KeywordDetector ArtifactoryDetector HexHighEntropyString Base64HighEntropyString "
    "PrivateKeyDetector BasicAuthDetector".split()
)
# The access key of a service has at least 20 characters, including a digit.
_CANDIDATE = re.compile(r"(?<![\w=+-])(?=[A-Za-z_=+-]*\d)[\w=+-]{20,}", re.ASCII)
LEAST_VALUE = 16  # A regular expression's group that matches fewer characters is the prefix of a key, not the key.


def mask_services(text: str) -> str:
    """Return the text with the access keys of known services, such as AWS or Slack, replaced by `***`."""
    if not _CANDIDATE.search(text):
        return text
    for pattern in _service_patterns():
        text = pattern.sub(_mask_longest_group, text)
    return text


def _mask_longest_group(found: re.Match[str]) -> str:
    """Return a matched text with `***` in place of the longest group; only `***` if no group is as long as a key."""
    values = [group for group in found.groups() if group and len(group) >= LEAST_VALUE]
    return found[0].replace(max(values, key=len), HIDDEN) if values else HIDDEN


@cache
def _service_patterns() -> tuple[re.Pattern[str], ...]:
    """Return the regular expressions for the keys of known services, from the package detect-secrets."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    kinds: Iterable[type] = get_mapping_from_secret_type_to_class().values()
    kept = [kind for kind in kinds if kind.__name__ not in _LEFT_OUT]
    return tuple(pattern for kind in kept for pattern in getattr(kind, "denylist", ()))
