"""The hosts, and all mutants of a host."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mutations.families import BENIGN, FAMILIES
from mutations.mutant import Mutant, Operator
from mutations.script import Script

CLINIC = Path(__file__).parents[1]
HEALTHY_EXAMPLES = ("digits_deep", "digits_cnn", "topics_transformer", "digits_lstm")


def unseen() -> list[Path]:
    """Return the programs on which nobody has consulted."""
    return sorted((CLINIC / "hosts").glob("*.py"))


def hosts() -> list[Path]:
    """Return the healthy programs of the clinic, and those of the examples."""
    examples = CLINIC.parent / "examples"
    return [*sorted((CLINIC / "healthy").glob("*.py")), *(examples / f"{name}.py" for name in HEALTHY_EXAMPLES)]


def mutants(host: Script, families: Mapping[str, tuple[Operator, ...]] = {**FAMILIES, **BENIGN}) -> Iterator[Mutant]:
    """Yield what every operator makes of a host, each text once; not what is no Python any more."""
    seen = {host.data.decode()}
    for family, operators in families.items():
        for operator in operators:
            for number, edit in enumerate(operator.sites(host)):
                mutant = Mutant(family, operator, host, number, edit)
                if mutant.text not in seen and compiles(mutant.text):
                    seen.add(mutant.text)
                    yield mutant


def compiles(text: str) -> bool:
    """Whether a text is Python."""
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True
