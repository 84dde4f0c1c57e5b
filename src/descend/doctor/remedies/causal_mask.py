"""Attention that sees what comes before, and not what is to be predicted.

y = F.scaled_dot_product_attention(q, k, v, is_causal=False)     # is_causal=True
"""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.locate import locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting, apply, set_argument

ATTENTION = "scaled_dot_product_attention"
MASK_AT, CAUSAL_AT = 3, 5  # places of attn_mask and is_causal
IS_CAUSAL = Setting("is_causal", CAUSAL_AT, "is_causal")


def causal_mask(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the attention that sees later elements `is_causal=True`, where it has no mask. It takes no dose."""
    place = locate(script, record, "leak")
    if isinstance(place, NotApplicable):
        return place
    if not is_call_of(place.syntax, place.call, ATTENTION):
        return NotApplicable(place.inside)
    mask = find_argument(place.call, "attn_mask", MASK_AT)
    if mask is not None and place.syntax.code(mask.value) != "None":
        return NotApplicable(f"line {place.syntax.line(place.call)} gives the attention a mask of its own")
    edit = set_argument(place, IS_CAUSAL, True, script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], IS_CAUSAL.words)
