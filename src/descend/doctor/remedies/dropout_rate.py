"""Change the dropout rate of all dropout layers (Srivastava et al. 2014)."""

from dataclasses import dataclass

from descend.doctor.codemod.all_sites import set_argument_everywhere
from descend.doctor.codemod.argument_edits import Setting
from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.overwritten_setting import find_overwriting_statement, set_overwritten_value
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

WORDS = "dropout rate"


@dataclass(frozen=True)
class DropoutRateArguments:
    """Arguments of the remedy `dropout_rate`, which sets the dropout probability."""

    p: float


def dropout_rate(script: Script, record: Record, arguments: DropoutRateArguments) -> Script:
    """Set the dropout probability of every dropout layer, and the `dropout` argument of layers such as `nn.LSTM`."""
    if (found := find_overwriting_statement(script, record, "dropout", "p")) is not None:
        return set_overwritten_value(script, record, found, ("p", WORDS), float(arguments.p))
    what = "dropout layers are made"
    return set_argument_everywhere(script, record, SiteKind.DROPOUT, what, _probability_argument, float(arguments.p))


def _probability_argument(place: Place) -> Setting:
    """Return the name and position of the argument that holds the dropout probability: `p` or `dropout`."""
    is_own = is_call_of(place.syntax, place.call, place.site.detail)
    if not is_own and find_argument(place.call, "dropout", None) is not None:
        return Setting("dropout", None, WORDS, is_own)
    return Setting("p", 0, WORDS, is_own)
