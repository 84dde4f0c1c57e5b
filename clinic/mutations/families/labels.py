"""What the loss is told to be right: by another convention, without its partner, or wrong."""

from mutations.mutant import BINARY, CLASSES, REAL, Operator, wrapped

ANY = (*CLASSES, *BINARY, *REAL)
TAXONOMY = "Humbatova et al. 2020, training data quality"
QUESTION = "public questions"


def _target(names: tuple[str, ...], template: str):
    return wrapped(names, template, 1)


OPERATORS = (
    Operator("labels_counted_from_one", _target(CLASSES, "({0} - 1).clamp(min=0)"), QUESTION, "convention"),
    Operator("labels_counted_on", _target(CLASSES, "({0} + 1) % ({0}.max() + 1)"), QUESTION, "convention"),
    Operator("labels_merged", _target(CLASSES, "{0} // 2"), "DeepCrime TCO", "half of the classes"),
    Operator("labels_turned", _target(BINARY, "1 - {0}"), QUESTION, "convention"),
    Operator("labels_of_both_signs", _target(BINARY, "2 * {0} - 1"), QUESTION, "convention"),
    Operator("targets_turned", _target(REAL, "-{0}"), TAXONOMY, "sign"),
    Operator("targets_in_another_unit", _target(REAL, "{0} * 1000"), QUESTION, "1000"),
    Operator("targets_rounded", _target(REAL, "{0}.round()"), QUESTION, "integers"),
    Operator("labels_of_the_neighbour", _target(ANY, "{0}.roll(1, 0)"), TAXONOMY, "pairing"),
    Operator("labels_shuffled", _target(ANY, "{0}[torch.randperm(len({0}))]"), TAXONOMY, "pairing"),
    Operator("labels_reversed", _target(ANY, "{0}.flip(0)"), TAXONOMY, "pairing"),
    Operator("labels_all_alike", _target(ANY, "{0} * 0"), "DeepCrime TCL", "all"),
    Operator(
        "half_of_the_labels_wrong",
        _target(ANY, "{0}[torch.where(torch.rand(len({0})) < 0.5, torch.randperm(len({0})), torch.arange(len({0})))]"),
        "DeepCrime TCL",
        "half",
    ),
)
