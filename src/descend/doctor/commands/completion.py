"""The ids of problems that a shell completes, without an import of the catalog, which takes longer than a key press."""

from descend.doctor.symptoms.groups import GROUPS


def complete_problem_id(incomplete: str) -> list[tuple[str, str]]:
    """Return the ids of problems that begin with the text typed so far, each with the name of its group."""
    return [(name, group) for group, names in GROUPS.items() for name in names if name.startswith(incomplete)]
