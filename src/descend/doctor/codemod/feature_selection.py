"""Find feature selection that uses the targets of all examples, before some examples are set aside for evaluation.

x = SelectKBest(k=20).fit_transform(x, y)                     # uses the targets of the test examples
x_train, x_test, y_train, y_test = train_test_split(x, y)
"""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.locate import site_of_node, training_file
from descend.doctor.codemod.names import assigned_value, names_read, value_of_target
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Fact, Message, Record, SiteKind, facts
from descend.doctor.script.script import Script

SELECTORS = frozenset(  # classes of sklearn.feature_selection that use the targets
    """
    GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile
    SequentialFeatureSelector
    """.split()
)
SPLITS = frozenset({"random_split", "train_test_split"})
FITS = frozenset({"fit", "fit_transform"})


def selections_before_split(script: Script, record: Record) -> list[Message]:
    """Return the place and the class of a feature selector that is fitted before the training/test split, or []."""
    if (known := training_file(script, record)) is None:
        return []
    syntax, backward = known
    for call in syntax.every(cst.Call):
        selector = _selector(syntax, call)
        if selector and len(call.args) > 1 and isinstance(targets := call.args[1].value, cst.Name):
            if not _may_be_subset(syntax, targets) and _is_split_after(syntax, call, targets):
                site = site_of_node(syntax, call, SiteKind.SELECTION_BEFORE_SPLIT, "0", backward.file)
                return [site, Fact.of(facts.SelectionBeforeSplit(selector, targets.value), 0, "0")]
    return []


def _selector(syntax: Syntax, call: cst.Call) -> str:
    """Return the class name of the feature selector that a call fits, or "" for other calls."""
    if not isinstance(call.func, cst.Attribute) or last_name(call.func) not in FITS:
        return ""
    maker = call.func.value
    if isinstance(maker, cst.Name):
        maker = assigned_value(syntax, maker) or maker
    name = last_name(maker.func) if isinstance(maker, cst.Call) else ""
    return name if name in SELECTORS else ""


def _may_be_subset(syntax: Syntax, name: cst.Name) -> bool:
    """Return whether a variable may hold the targets of only some of the examples."""
    scope = syntax.scopes.get(name)
    nodes = [bound.node for bound in (scope[name.value] if scope is not None else ()) if hasattr(bound, "node")]
    values = [value_of_target(syntax, node) if isinstance(node, cst.Name) else None for node in nodes]
    return not values or any(isinstance(value, cst.Subscript) for value in values)


def _is_split_after(syntax: Syntax, fit: cst.Call, targets: cst.Name) -> bool:
    """Return whether the script splits the targets, or values computed from them, after it calls `fit`."""
    begin, home, names = syntax.line(fit), function_around(syntax, fit), {targets.value}
    slices: set[str] = set()
    for node in _nodes_after_line(syntax, begin):
        if function_around(syntax, node) is not home or loops_around(syntax, node):
            continue
        if isinstance(node, cst.Assign):
            reads = {read.value for read in names_read(node.value)}
            made = [t.target.value for t in node.targets if isinstance(t.target, cst.Name)]
            names |= set(made) if names & reads and not isinstance(node.value, cst.Subscript) else set()
        elif isinstance(node, cst.Call) and last_name(node.func) in SPLITS:
            if any(names & {read.value for read in names_read(argument)} for argument in node.args):
                return True
        elif isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name) and node.value.value in names:
            slices.add(syntax.code(node).partition("[")[2])
    return len(slices) > 1


def _nodes_after_line(syntax: Syntax, line: int) -> Iterator[cst.CSTNode]:
    """Yield the assignments, calls and subscripts that follow a line, in source order."""
    kinds = (cst.Assign, cst.Call, cst.Subscript)
    found = [node for kind in kinds for node in syntax.every(kind) if syntax.line(node) > line]
    yield from sorted(found, key=lambda node: (syntax.line(node), not isinstance(node, cst.Assign)))
