"""Find the expressions that a file compares its model's predictions with: the targets of training and evaluation.

The model is the one that the run called, or an expression with parameters that the file creates by hand.

loss = criterion(model(x), y)                         # y
accuracy = (model(x_test).argmax(1) == y_test)        # y_test
print(roc_auc_score(labels, scores))                  # labels, if `scores` are predictions
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.codemod.aliases import names_at
from descend.doctor.codemod.bindings import BindingKind, bindings_by_name
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import names_read
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.training_call import training_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

PARAMETER_MAKERS = frozenset({"Parameter", "requires_grad_"})
NON_COMPARING_CALLS = frozenset({"append", "cat", "extend", "format", "isinstance", "print", "stack", "write", "zip"})


def operands_compared_with_predictions(script: Script, record: Record, syntax: Syntax) -> list[cst.BaseExpression]:
    """Return the expressions that a file compares with its model's predictions, such as the targets of the loss.

    The list is empty if the model is unknown.
    """
    predictions, found = _PredictionFinder(script, record, syntax), list[cst.BaseExpression]()
    for node in syntax.every(cst.BaseExpression):  # type: ignore[type-abstract]
        compared_parts = predictions.compared_parts(node)
        predicted = [predictions.is_prediction(part) for part in compared_parts]
        if any(predicted):
            found += [part for part, is_predicted in zip(compared_parts, predicted) if not is_predicted]
    return found


class _PredictionFinder:
    """Decides which expressions in a file are predictions of its model."""

    def __init__(self, script: Script, record: Record, syntax: Syntax) -> None:
        self._syntax, made, called = (
            syntax,
            if_applicable(locate, script, record, SiteKind.MODEL),
            if_applicable(training_call, script, record),
        )
        self._made = made if made is not None and made.syntax is syntax else None
        name = if_applicable(called_model, called) if called is not None and called.syntax is syntax else None
        self._called = [name] if name is not None else []
        self._parameters = set() if self._made or self._called else set(_handmade_parameters(syntax))
        self._names: dict[cst.CSTNode, set[str]] = {}  # function -> the names that the model has in it
        self._known: dict[cst.CSTNode, bool] = {}

    def compared_parts(self, node: cst.BaseExpression) -> Sequence[cst.BaseExpression]:
        """Return the operands of a comparison or difference, or the arguments of a call that may compare them."""
        if isinstance(node, cst.Comparison):
            return [node.left, *(target.comparator for target in node.comparisons)]
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Subtract):
            return [node.left, node.right]
        if not isinstance(node, cst.Call) or last_name(node.func) in NON_COMPARING_CALLS or self._is_model_call(node):
            return ()
        given = [argument.value for argument in node.args]
        own = node.func.value if isinstance(node.func, cst.Attribute) else None
        is_value = own is not None and not self._syntax.is_module(own) and self._syntax.code(own) != "self"
        whole = [own, *given] if own is not None and is_value else given
        return whole if len(whole) > 1 and not any(map(self._is_parameter, whole)) else ()

    def is_prediction(self, value: cst.BaseExpression) -> bool:
        """Return whether an expression is computed from the model's output, directly or through variables."""
        if self._is_parameter(value):
            return False
        if value not in self._known:
            self._known[value] = False  # This entry ends the recursion for `x = f(x)`.
            names = names_read(value)
            self._known[value] = (
                any(map(self._is_model_call, self._syntax.every(cst.Call, value)))
                or any(name.value in self._parameters for name in names)
                or any(self.is_prediction(bound) for name in names for bound in self._assigned_values(name))
            )
        return self._known[value]

    def _is_parameter(self, value: cst.BaseExpression) -> bool:
        """Return whether the value is a parameter that the script creates by hand, or the list of such parameters.

        A call with a parameter as an argument computes predictions; it does not compare them with targets.
        """
        while isinstance(value, cst.Subscript | cst.StarredElement | cst.Attribute):
            value = value.value
        return self._syntax.code(value) in self._parameters

    def _assigned_values(self, name: cst.Name) -> list[cst.BaseExpression]:
        """Return all values that are assigned to a name in the function that contains it."""
        home = enclosing_scope(self._syntax, name)
        bound = [
            b
            for b in bindings_by_name(self._syntax).get(name.value, [])
            if enclosing_scope(self._syntax, b.node) is home
        ]
        return [b.value for b in bound if b.kind is BindingKind.ASSIGNED and b.value is not None]

    def _is_model_call(self, call: cst.Call) -> bool:
        """Return whether a call runs the model, as ``model(x)`` and ``model.forward(x)`` do."""
        callee = call.func
        if isinstance(callee, cst.Attribute) and callee.attr.value in ("forward", "predict"):
            callee = callee.value
        home, made = enclosing_scope(self._syntax, call), self._made
        if home not in self._names:
            others = names_at(self._syntax, made.call, made.site.variable, call) if made is not None else []
            self._names[home] = {*self._called, *others}
        return self._syntax.code(callee) in self._names[home]


def _handmade_parameters(syntax: Syntax) -> Iterator[str]:
    """Yield the variables that hold parameters created by hand, such as ``torch.zeros(9, requires_grad=True)``."""
    for code, bound in bindings_by_name(syntax).items():
        calls = [call for b in bound if b.value is not None for call in syntax.every(cst.Call, b.value)]
        asked = {a.keyword.value for call in calls for a in call.args if a.keyword is not None}
        if "requires_grad" in asked or any(last_name(call.func) in PARAMETER_MAKERS for call in calls):
            yield code
    for call in syntax.every(cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "requires_grad_":
            yield syntax.code(call.func.value)
