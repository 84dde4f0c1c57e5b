"""Whiten the inputs inside the model: all principal components get variance 1 (LeCun et al. 1998, section 4.3).

For inputs that are rows of features, the patch writes a function into the user's file. Otherwise the patch calls
`descend.network.whiten_inputs`. Both work after the inputs are standardised.
"""

from descend.doctor.codemod.data_source import DataSource
from descend.doctor.codemod.full_dataset import device_transfer, read_parameter
from descend.doctor.codemod.locate import Place
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.remedies.standardise_inputs import insert_input_transformation, may_be_wrapped
from descend.doctor.script.script import Script

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
ROWS = 2  # number of dimensions of a batch of rows

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def whiten_inputs(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Insert a call `whiten_inputs(model, data)` before the outermost training loop, and define that function."""
    return insert_input_transformation(script, record, "whiten_inputs", _whitening_code)


def _whitening_code(record: Record, place: Place, source: DataSource) -> str:
    """Return the source code of a function that whitens the inputs; "" unless these are rows of finite numbers."""
    known, read, text = record.fact(facts.Inputs), read_parameter(source, "inputs"), place.syntax.module.code
    selects_rows = known is not None and len(known.shape) == ROWS and known.features > 1 and not source.reshaped
    is_plain = known is not None and selects_rows and known.finite and not may_be_wrapped(record, place.syntax)
    if read is None or not is_plain or "standardise_inputs(" in text:
        return ""
    others = "" if len(place.call.args) == 1 else ", *args[1:]"
    return HOOK.format(data=read.parameter, read=read.lines, others=others, to=device_transfer(text))
