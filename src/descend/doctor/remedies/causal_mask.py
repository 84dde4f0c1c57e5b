"""Mask later elements in attention, so that the model cannot read the element that it predicts.

y = F.scaled_dot_product_attention(q, k, v, is_causal=False)     # is_causal=True
"""

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

ATTENTION = "scaled_dot_product_attention"
MASK_AT, CAUSAL_AT = 3, 5  # positions of the arguments `attn_mask` and `is_causal` of scaled_dot_product_attention
IS_CAUSAL = Setting("is_causal", CAUSAL_AT, "is_causal")


def causal_mask(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Set `is_causal=True` in the attention call whose outputs depend on later elements, if the call passes no mask."""
    place = locate(script, record, SiteKind.LEAK)
    if not is_call_of(place.syntax, place.call, ATTENTION):
        raise NotApplicable(place.indirect_call_message)
    mask = find_argument(place.call, "attn_mask", MASK_AT)
    if mask is not None and place.syntax.code(mask.value) != "None":
        raise NotApplicable(f"line {place.syntax.line(place.call)} passes its own mask to the attention function")
    edit = set_argument(place, IS_CAUSAL, True, script, record)
    return apply_edits(script, place.syntax, [edit], IS_CAUSAL.words)
