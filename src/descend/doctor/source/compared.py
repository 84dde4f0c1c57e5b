"""What a file compares its model's predictions with: the targets of the training and of each evaluation.

The model is the one that the run has called, or what is computed with parameters that the file makes by hand.

loss = criterion(model(x), y)                         # y
accuracy = (model(x_test).argmax(1) == y_test)        # y_test
print(roc_auc_score(labels, scores))                  # labels, where `scores` are predictions
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import names_at
from descend.doctor.source.bindings import all_bindings
from descend.doctor.source.called_model import called_model
from descend.doctor.source.functions import home_of
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import read_names
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.training_call import training_call

LEAVES = frozenset({"Parameter", "requires_grad_"})
NO_COMPARISON = frozenset({"append", "cat", "extend", "format", "isinstance", "print", "stack", "write", "zip"})


def compared_with_predictions(script: Script, record: Record, syntax: Syntax) -> list[cst.BaseExpression]:
    """Return the operands and arguments that meet predictions, in the order of the text; none without a known model."""
    predictions, found = _Predictions(script, record, syntax), list[cst.BaseExpression]()
    for node in syntax.every(cst.BaseExpression):  # type: ignore[type-abstract]
        parts = predictions.parts(node)
        predicted = [predictions.holds(part) for part in parts]
        if any(predicted):
            found += [part for part, is_predicted in zip(parts, predicted) if not is_predicted]
    return found


class _Predictions:
    """The expressions of a file that are made by its model."""

    def __init__(self, script: Script, record: Record, syntax: Syntax) -> None:
        self._syntax, made, called = syntax, locate(script, record, "model"), training_call(script, record)
        self._made = made if isinstance(made, Place) and made.syntax is syntax else None
        name = called_model(called) if isinstance(called, Place) and called.syntax is syntax else None
        self._called = [name] if isinstance(name, str) else []
        self._parameters = set() if self._made or self._called else set(_made_by_hand(syntax))
        self._names: dict[cst.CSTNode, set[str]] = {}  # of the model in each function
        self._known: dict[cst.CSTNode, bool] = {}

    def parts(self, node: cst.BaseExpression) -> Sequence[cst.BaseExpression]:
        """Return what a comparison, a difference or a call that may measure something brings together."""
        if isinstance(node, cst.Comparison):
            return [node.left, *(target.comparator for target in node.comparisons)]
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Subtract):
            return [node.left, node.right]
        if not isinstance(node, cst.Call) or last_name(node.func) in NO_COMPARISON or self._is_of_model(node):
            return ()
        given = [argument.value for argument in node.args]
        own = node.func.value if isinstance(node.func, cst.Attribute) else None
        is_value = own is not None and not self._syntax.is_module(own) and self._syntax.code(own) != "self"
        whole = [own, *given] if own is not None and is_value else given
        return whole if len(whole) > 1 and not any(map(self._is_parameter, whole)) else ()

    def holds(self, value: cst.BaseExpression) -> bool:
        """Whether an expression is made by the model, itself or by a name that is bound to what the model makes."""
        if self._is_parameter(value):
            return False
        if value not in self._known:
            self._known[value] = False  # while it is looked for: a name may be bound to what is made of itself
            names = read_names(value)
            self._known[value] = (
                any(map(self._is_of_model, self._syntax.every(cst.Call, value)))
                or any(name.value in self._parameters for name in names)
                or any(self.holds(bound) for name in names for bound in self._values(name))
            )
        return self._known[value]

    def _is_parameter(self, value: cst.BaseExpression) -> bool:
        """Whether it is a parameter made by hand, or the list of them: what is given one computes predictions."""
        while isinstance(value, cst.Subscript | cst.StarredElement | cst.Attribute):
            value = value.value
        return self._syntax.code(value) in self._parameters

    def _values(self, name: cst.Name) -> list[cst.BaseExpression]:
        home = home_of(self._syntax, name)
        bound = [b for b in all_bindings(self._syntax).get(name.value, []) if home_of(self._syntax, b.node) is home]
        return [b.value for b in bound if b.kind == "assigned" and b.value is not None]

    def _is_of_model(self, call: cst.Call) -> bool:
        """Whether a call runs the model: `model(x)`, `model.forward(x)`."""
        callee = call.func
        if isinstance(callee, cst.Attribute) and callee.attr.value in ("forward", "predict"):
            callee = callee.value
        home, made = home_of(self._syntax, call), self._made
        if home not in self._names:
            others = names_at(self._syntax, made.call, made.site.variable, call) if made is not None else []
            self._names[home] = {*self._called, *others}
        return self._syntax.code(callee) in self._names[home]


def _made_by_hand(syntax: Syntax) -> Iterator[str]:
    """Yield the names of parameters: of `torch.zeros(9, requires_grad=True)`, of `nn.Parameter(w)`."""
    for code, bound in all_bindings(syntax).items():
        calls = [call for b in bound if b.value is not None for call in syntax.every(cst.Call, b.value)]
        asked = {a.keyword.value for call in calls for a in call.args if a.keyword is not None}
        if "requires_grad" in asked or any(last_name(call.func) in LEAVES for call in calls):
            yield code
    for call in syntax.every(cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "requires_grad_":
            yield syntax.code(call.func.value)
