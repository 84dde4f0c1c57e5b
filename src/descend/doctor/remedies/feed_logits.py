"""Remove the output activation, for a loss that expects logits and applies the activation itself.

Other code that reads probabilities from the output, such as a threshold at 0.5, then reads logits. Such code is not
rewritten. The class with the largest output stays the same.
"""

from descend.doctor.codemod.all_sites import edit_all_sites
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.remove_call import remove_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import ActivationArguments
from descend.doctor.script.script import Script


def feed_logits(script: Script, record: Record, arguments: ActivationArguments) -> Script:
    """Remove the output activation, such as a softmax, at each place in the source where the run recorded it."""
    seen = record.every_site(SiteKind.ACTIVATION, "output")
    if not seen:
        raise NotApplicable(f"the run did not show where {arguments.activation} is applied in the source")
    return edit_all_sites(script, seen, remove_call)
