"""Whiten the data where they are made, by the statistics of the training data.

mean = x_train.mean(0)
variances, directions = torch.linalg.eigh(torch.cov(x_train.T))  # principal components
whitening = directions * (variances.clamp(min=0) + 1e-5 * variances.max()) ** -0.5 @ directions.T
x_train, x_test = (x_train - mean) @ whitening, (x_test - mean) @ whitening

See LeCun et al. 1998, section 4.3. For inputs that reach the model in other ways, use `whiten_inputs`.
"""

from descend.doctor.codemod.array_library import array_library
from descend.doctor.codemod.imports import module_alias
from descend.doctor.codemod.input_arrays import find_input_arrays
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.names import free_name
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

ROWS = 2  # number of dimensions of a batch of rows

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def whiten_data(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Insert lines that whiten the data below the code that makes the arrays, if these are PyTorch or NumPy arrays."""
    known = record.fact(facts.Inputs)
    if known is None or not known.finite or len(known.shape) != ROWS or known.features < 2:
        raise NotApplicable("the record does not show that the inputs are rows of finite numbers")
    given = find_input_arrays(script, record)
    first, syntax = given.names[0], given.syntax
    library = array_library(syntax, first, given.bound)
    called = module_alias(syntax, library) if library else ""
    if not called or given.source.reshaped:
        raise NotApplicable(f"the record does not show whether `{first}` is a PyTorch or a NumPy array")
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
    return script.edit(syntax.file, text)
