"""What belongs to the values that a statement puts into another order, or another place, and stays as it was itself.

x, y, weights = load()
x, y = x[order], y[order]                # weights = weights[order]

image, mask = self.images[i], self.masks[i]
image = torch.flip(image, dims=[-1])     # mask = torch.flip(mask, dims=[-1])
"""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.source.bindings import bound_in
from descend.doctor.source.functions import function_around, parameter_names
from descend.doctor.source.rearranged import REARRANGING
from descend.doctor.source.syntax import Syntax, last_name


def partners(syntax: Syntax, statement: cst.BaseSmallStatement, name: str) -> list[str]:
    """Return the names that were given their values together with `name`, the last ones first, and are not changed so.

    None where what the statement does to `name` is no call and no choice of rows.
    """
    if moved_alike(syntax, statement, name, name) == "":
        return []
    changed, begins = bound_in(syntax, statement), syntax.line(statement)
    home = function_around(syntax, statement)
    done = {syntax.code(other) for other in syntax.every(cst.Assign)}
    if not _is_rearranged(syntax, statement, name):  # what has been given values of its own is not left behind
        changed = changed | {syntax.code(target) for target in _changed_by_themselves(syntax, home)}
    found: list[str] = []
    for line, names in sorted(_together(syntax, home), reverse=True):
        if name in names and line < begins:
            found += [other for other in names if other not in changed and other not in found]
    return [other for other in found if moved_alike(syntax, statement, name, other) not in done]


def _is_rearranged(syntax: Syntax, statement: cst.BaseSmallStatement, name: str) -> bool:
    """Whether the statement puts the values into another order or place, or chooses among them, as they are."""
    chosen = [s for s in syntax.every(cst.Subscript, statement) if syntax.code(s.value) == name]
    return bool(chosen) or any(last_name(call.func) in REARRANGING for call in syntax.every(cst.Call, statement))


def _changed_by_themselves(syntax: Syntax, home: cst.FunctionDef | None) -> Iterator[cst.BaseExpression]:
    """Yield the names that a statement there binds to what it makes of them: `y` of `y = torch.tensor(y)`."""
    for assign in syntax.every(cst.Assign, home):
        targets = [target.target for target in assign.targets]
        names = [e.value for t in targets if isinstance(t, cst.Tuple) for e in t.elements] + targets
        read = {name.value for name in syntax.every(cst.Name, assign.value)}
        yield from (name for name in names if isinstance(name, cst.Name) and name.value in read)


def moved_alike(syntax: Syntax, statement: cst.BaseSmallStatement, name: str, partner: str) -> str:
    """Return the statement that does to `partner` what this one does to `name`; "" where that does not show."""
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return ""
    target, value = statement.targets[0].target, statement.value
    targets = [element.value for element in target.elements] if isinstance(target, cst.Tuple) else [target]
    values = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    if len(targets) != len(values):
        return ""
    for one, given in zip(targets, values):
        if syntax.code(one) == name and isinstance(given, cst.Call | cst.Subscript):
            return f"{partner} = {syntax.module.code_for_node(_renamed(given, name, partner))}"
    return ""


def _together(syntax: Syntax, home: cst.FunctionDef | None) -> Iterator[tuple[int, list[str]]]:
    """Yield what a function, or the file's first level, binds together, and in which line."""
    if home is not None:
        yield syntax.line(home), [name for name in parameter_names(home) if name != "self"]
    binding: list[cst.AssignTarget | cst.For] = [*syntax.every(cst.AssignTarget, home), *syntax.every(cst.For, home)]
    for node in binding:
        if isinstance(node.target, cst.Tuple) and function_around(syntax, node) is home:
            elements = [element.value for element in node.target.elements]
            yield syntax.line(node), [element.value for element in elements if isinstance(element, cst.Name)]


def _renamed(expression: cst.BaseExpression, name: str, new: str) -> cst.CSTNode:
    changed = expression.visit(_Renaming(name, new))
    assert isinstance(changed, cst.CSTNode)
    return changed


class _Renaming(cst.CSTTransformer):
    """Gives a variable another name, and no attribute or keyword that is called alike."""

    def __init__(self, name: str, new: str) -> None:
        super().__init__()
        self._name, self._new = name, new

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        """Rename it."""
        return updated_node.with_changes(value=self._new) if updated_node.value == self._name else updated_node

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        """Leave what it is called as it is."""
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        """Leave its keyword as it is."""
        return updated_node.with_changes(keyword=original_node.keyword)
