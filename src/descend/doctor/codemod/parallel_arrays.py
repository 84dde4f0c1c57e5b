"""Find arrays that a statement should change together with another array, but leaves unchanged.

x, y, weights = load()
x, y = x[order], y[order]                # missing: weights = weights[order]

image, mask = self.images[i], self.masks[i]
image = torch.flip(image, dims=[-1])     # missing: mask = torch.flip(mask, dims=[-1])
"""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.codemod.bindings import names_bound_in
from descend.doctor.codemod.functions import function_around, parameter_names
from descend.doctor.codemod.rearrangement import REARRANGING_FUNCTIONS
from descend.doctor.codemod.syntax import Syntax, last_name


def unchanged_partners(syntax: Syntax, statement: cst.BaseSmallStatement, name: str) -> list[str]:
    """Return the variables that are defined together with `name`, such as its targets, but not changed by `statement`.

    Return [] if the statement applies neither a call nor an index to `name`.
    """
    if same_statement_for(syntax, statement, name, name) == "":
        return []
    changed, begins = names_bound_in(syntax, statement), syntax.line(statement)
    home = function_around(syntax, statement)
    done = {syntax.code(other) for other in syntax.every(cst.Assign)}
    # An array that a separate statement changes does not count as unchanged.
    if not _only_rearranges(syntax, statement, name):
        changed = changed | {syntax.code(target) for target in _names_changed_from_themselves(syntax, home)}
    found: list[str] = []
    for line, names in sorted(_names_bound_together(syntax, home), reverse=True):
        if name in names and line < begins:
            found += [other for other in names if other not in changed and other not in found]
    return [other for other in found if same_statement_for(syntax, statement, name, other) not in done]


def _only_rearranges(syntax: Syntax, statement: cst.BaseSmallStatement, name: str) -> bool:
    """Return whether the statement only reorders or selects the values of the array `name`."""
    chosen = [s for s in syntax.every(cst.Subscript, statement) if syntax.code(s.value) == name]
    return bool(chosen) or any(
        last_name(call.func) in REARRANGING_FUNCTIONS for call in syntax.every(cst.Call, statement)
    )


def _names_changed_from_themselves(syntax: Syntax, home: cst.FunctionDef | None) -> Iterator[cst.BaseExpression]:
    """Yield names that a statement computes from their own value, as ``y = torch.tensor(y)`` does."""
    for assign in syntax.every(cst.Assign, home):
        targets = [target.target for target in assign.targets]
        names = [e.value for t in targets if isinstance(t, cst.Tuple) for e in t.elements] + targets
        read = {name.value for name in syntax.every(cst.Name, assign.value)}
        yield from (name for name in names if isinstance(name, cst.Name) and name.value in read)


def same_statement_for(syntax: Syntax, statement: cst.BaseSmallStatement, name: str, partner: str) -> str:
    """Return the code that applies a statement to `partner` instead of `name`; "" if the statement has another form."""
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return ""
    target, value = statement.targets[0].target, statement.value
    targets = [element.value for element in target.elements] if isinstance(target, cst.Tuple) else [target]
    values = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    if len(targets) != len(values):
        return ""
    for one, given in zip(targets, values):
        if syntax.code(one) == name and isinstance(given, cst.Call | cst.Subscript):
            return f"{partner} = {syntax.module.code_for_node(_rename(given, name, partner))}"
    return ""


def _names_bound_together(syntax: Syntax, home: cst.FunctionDef | None) -> Iterator[tuple[int, list[str]]]:
    """Yield the line of each loop, unpacking or signature in a function or module, and the names that it binds."""
    if home is not None:
        yield syntax.line(home), [name for name in parameter_names(home) if name != "self"]
    binding: list[cst.AssignTarget | cst.For] = [*syntax.every(cst.AssignTarget, home), *syntax.every(cst.For, home)]
    for node in binding:
        if isinstance(node.target, cst.Tuple) and function_around(syntax, node) is home:
            elements = [element.value for element in node.target.elements]
            yield syntax.line(node), [element.value for element in elements if isinstance(element, cst.Name)]


def _rename(expression: cst.BaseExpression, name: str, new: str) -> cst.CSTNode:
    """Return the expression with the variable `name` renamed to `new`."""
    changed = expression.visit(_Renaming(name, new))
    assert isinstance(changed, cst.CSTNode)
    return changed


class _Renaming(cst.CSTTransformer):
    """Renames a variable, but not attributes or keywords with the same name."""

    def __init__(self, name: str, new: str) -> None:
        super().__init__()
        self._name, self._new = name, new

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        """Return the node with the new name if it is the variable."""
        return updated_node.with_changes(value=self._new) if updated_node.value == self._name else updated_node

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.Attribute:
        """Return the node with its old attribute name."""
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        """Return the node with its old keyword."""
        return updated_node.with_changes(keyword=original_node.keyword)
