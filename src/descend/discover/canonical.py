"""The simplest way to write an expression: constants computed, arguments ordered, functions that cancel left out."""

from descend.discover.expression import Expression

COMMUTATIVE = ("+", "*")
ZERO = "0"  # a part that is always 0; no symbol of the search space
POSITIVE = ("v", "d", "1", "2")  # symbols that are never negative
NEVER_NEGATIVE = ("abs", "sqrt", "square", "exp")


def canonical(expression: Expression) -> Expression | None:
    """Return the canonical form of an expression; None if it is always 0, or divides by 0.

    Only identities that hold for all real numbers are used, so the form has the same values.
    """
    try:
        found = _simplified(expression)
    except ZeroDivisionError:
        return None
    return None if found.symbol == ZERO else found


def _simplified(expression: Expression) -> Expression:
    """Return the canonical form, with the symbol 0 where a part vanishes. Raise `ZeroDivisionError` for x/0."""
    arguments = tuple(map(_simplified, expression.arguments))
    symbol = expression.symbol
    if len(arguments) == 1:
        return _unary(symbol, arguments[0])
    return _binary(symbol, *arguments) if arguments else expression


def _unary(symbol: str, x: Expression) -> Expression:
    """Return the canonical form of a function of one argument, which is canonical."""
    if x.symbol == ZERO:
        return Expression("1") if symbol == "exp" else x
    if symbol == "neg":
        return _negative(x)
    if symbol == "sign":
        return _sign(x)
    if symbol in ("abs", "square", "sqrt"):
        return _even(symbol, x)
    return Expression(symbol, (x,))


def _negative(x: Expression) -> Expression:
    """Return the canonical form of −x."""
    if x.symbol == "neg":
        return x.arguments[0]
    return Expression("-", x.arguments[::-1]) if x.symbol == "-" else Expression("neg", (x,))


def _sign(x: Expression) -> Expression:
    """Return the canonical form of the sign of x."""
    if x.symbol == "sign":
        return x
    if x.symbol in ("1", "2", "d", "exp"):
        return Expression("1")
    return _negative(_sign(x.arguments[0])) if x.symbol == "neg" else Expression("sign", (x,))


def _even(symbol: str, x: Expression) -> Expression:
    """Return the canonical form of |x|, x² or √|x|, for which the sign of x does not matter."""
    if x.symbol in ("neg", "abs"):
        return _even(symbol, x.arguments[0])
    if x.symbol == "-":
        x = Expression("-", _ordered(*x.arguments))
    if symbol == "abs" and is_never_negative(x) or symbol != "abs" and x.symbol == "1":
        return x
    if {symbol, x.symbol} == {"sqrt", "square"}:
        return _even("abs", x.arguments[0])
    return Expression(symbol, (x,))


def _binary(symbol: str, x: Expression, y: Expression) -> Expression:
    """Return the canonical form of a function of two arguments, which are canonical."""
    if symbol == "-":
        return _difference(x, y)
    if symbol == "+":
        return _sum(x, y)
    if symbol == "/" and y.symbol == ZERO:
        raise ZeroDivisionError
    if ZERO in (x.symbol, y.symbol):
        return Expression(ZERO)
    if "neg" in (x.symbol, y.symbol):  # signs move outwards
        inner = [part.arguments[0] if part.symbol == "neg" else part for part in (x, y)]
        product = _binary(symbol, *inner)
        return product if x.symbol == y.symbol else _unary("neg", product)
    if symbol == "*":
        return _product(x, y)
    return x if y.symbol == "1" else Expression("/", (x, y))


def _sum(x: Expression, y: Expression) -> Expression:
    """Return the canonical form of a sum."""
    if ZERO in (x.symbol, y.symbol):
        return y if x.symbol == ZERO else x
    if y.symbol == "neg":
        return _difference(x, y.arguments[0])
    if x.symbol == "neg":
        return _difference(y, x.arguments[0])
    if x == y:
        return _binary("*", Expression("2"), x)
    return Expression("+", _ordered(x, y))


def _difference(x: Expression, y: Expression) -> Expression:
    """Return the canonical form of a difference."""
    if ZERO in (x.symbol, y.symbol):
        return x if y.symbol == ZERO else _unary("neg", y)
    if x == y:
        return Expression(ZERO)
    if y.symbol == "neg":
        return _sum(x, y.arguments[0])
    if x.symbol == "neg":
        return _unary("neg", _sum(x.arguments[0], y))
    return Expression("-", (x, y))


def _product(x: Expression, y: Expression) -> Expression:
    """Return the canonical form of a product."""
    if "1" in (x.symbol, y.symbol):
        return y if x.symbol == "1" else x
    if x == y:
        return _unary("square", x)
    for a, b in ((x, y), (y, x)):
        if a.symbol == "sign" and b.symbol == "abs" and a.arguments == b.arguments:
            return a.arguments[0]
        if a.symbol == "sign" and a.arguments == (b,):
            return _unary("abs", b)
    return Expression("*", _ordered(x, y))


def _ordered(x: Expression, y: Expression) -> tuple[Expression, Expression]:
    """Return two arguments of a commutative function in the order of their sizes and symbols."""
    return (x, y) if (x.size, x.prefix) <= (y.size, y.prefix) else (y, x)


def is_never_negative(x: Expression) -> bool:
    """Return whether an expression cannot be negative, whatever the gradients are."""
    if x.symbol in POSITIVE or x.symbol in NEVER_NEGATIVE:
        return True
    return x.symbol in ("+", "*", "/") and all(map(is_never_negative, x.arguments))
