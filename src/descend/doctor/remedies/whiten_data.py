"""The data whitened where they are made, by the training part's statistics: below the arrays.

mean = x_train.mean(0)
variances, directions = torch.linalg.eigh(torch.cov(x_train.T))  # principal components
whitening = directions * (variances.clamp(min=0) + 1e-5 * variances.max()) ** -0.5 @ directions.T
x_train, x_test = (x_train - mean) @ whitening, (x_test - mean) @ whitening

It is what an author would write (LeCun et al. 1998, section 4.3); for all that is given to the model in other ways,
there is `whiten_inputs`.
"""

from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.array_library import array_library
from descend.doctor.source.given_arrays import arrays_given
from descend.doctor.source.imports import imported_as
from descend.doctor.source.insert import insert_after
from descend.doctor.source.names import free_name
from descend.doctor.source.not_applicable import NotApplicable

ROWS = 2  # dimensions of a batch of features

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def whiten_data(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert the lines below the arrays whose rows the model is given, where these are PyTorch's or NumPy's.

    It takes no dose.
    """
    known = record.fact(facts.Inputs)
    if known is None or not known.finite or len(known.shape) != ROWS or known.features < 2:
        return NotApplicable("the inputs are not seen to be rows of finite numbers")
    given = arrays_given(script, record)
    if isinstance(given, NotApplicable):
        return given
    first, syntax = given.names[0], given.syntax
    library = array_library(syntax, first, given.bound)
    called = imported_as(syntax, library) if library else ""
    if not called or given.source.reshaped:
        return NotApplicable(f"whether `{first}` holds rows of PyTorch's or NumPy's is not seen")
    mean, variances, directions, whitening = (
        free_name(syntax, name) for name in ("mean", "variances", "directions", "whitening")
    )
    least = "clamp(min=0)" if library == "torch" else "clip(0)"
    root = f"{directions} * ({variances}.{least} + 1e-5 * {variances}.max()) ** -0.5 @ {directions}.T"
    of_its_kind = root if library == "torch" else f"({root}).astype({first}.dtype)"
    text = insert_after(
        syntax,
        given.bound,
        f"{mean} = {first}.mean(0)",
        f"{variances}, {directions} = {called}.linalg.eigh({called}.cov({first}.T))  # principal components",
        f"{whitening} = {of_its_kind}",
        f"{', '.join(given.names)} = {', '.join(f'({name} - {mean}) @ {whitening}' for name in given.names)}",
    )
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)
