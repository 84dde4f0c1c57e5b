"""Inputs whose principal components all have variance 1, as the model gets them (LeCun et al. 1998, section 4.3).

The patch writes what does it into the user's file, where the inputs are rows of features; else it is
`descend.network.whiten_inputs`, also behind inputs that are standardised first.
"""

from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.standardise_inputs import fit_inputs, is_wrapped
from descend.doctor.script.script import Script
from descend.doctor.source.flow import Source
from descend.doctor.source.locate import Place
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.whole_data import moved_to_model, read_whole

HOOK = '''
def whitened(module, args):
    return (args[0] - module.whitening_mean) @ module.whitening{others}


def whiten_inputs(model, {data}):
    """Give `model` inputs without correlations: the principal components of the training data have variance 1."""
{read}
    variances, directions = torch.linalg.eigh(torch.cov(inputs.T.double()))
    scale = (variances.clamp(min=0) + 1e-5 * variances.max()) ** -0.5  # directions that hold noise stay small
    model.register_buffer("whitening_mean", inputs.mean(0){to})
    model.register_buffer("whitening", (directions * scale @ directions.T).float(){to})
    model.register_forward_pre_hook(whitened)
'''
ROWS = 2  # dimensions of a batch of features

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def whiten_inputs(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `whiten_inputs(model, data)` before the outermost training loop. It takes no dose."""
    return fit_inputs(script, record, "whiten_inputs", _written)


def _written(record: Record, place: Place, source: Source) -> str:
    """Return the code that whitens such data; "" where what is seen of them does not do."""
    known, read, text = record.fact(facts.Inputs), read_whole(source, "inputs"), place.syntax.module.code
    are_rows = known is not None and len(known.shape) == ROWS and known.features > 1 and not source.reshaped
    is_plain = known is not None and are_rows and known.finite and not is_wrapped(record, place.syntax)
    if read is None or not is_plain or "standardise_inputs(" in text:
        return ""
    others = "" if len(place.call.args) == 1 else ", *args[1:]"
    return HOOK.format(data=read.parameter, read=read.lines, others=others, to=moved_to_model(text))
