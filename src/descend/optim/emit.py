"""From a rule's expression to one C function that reads each stream once and writes each stream once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from descend.optim.rule import Rule
from descend.optim.symbols import Symbol, trace

STORED = {
    torch.float32: "float",
    torch.float64: "double",
    torch.bfloat16: "bf16",
    torch.float16: "_Float16",
}
LOAD = {"bf16": "from_bf16({0})"}
STORE = {"bf16": "to_bf16({0})"}

HEADER = """
#include <tgmath.h>
#include <stdint.h>
#include <string.h>
typedef uint16_t bf16;
typedef {compute} real;
static inline float from_bf16(bf16 x) {{ uint32_t b = (uint32_t)x << 16; float f; memcpy(&f, &b, 4); return f; }}
static inline bf16 to_bf16(float f) {{
  uint32_t b; memcpy(&b, &f, 4);
  return f != f ? 0x7fc0 : (b + 0x7fff + ((b >> 16) & 1)) >> 16;
}}
static inline real sign(real x) {{ return x > 0 ? 1 : x < 0 ? -1 : x; }}
static inline real maximum(real x, real y) {{ return x > y || x != x ? x : y; }}
"""

# A row of the table is a tensor: where it begins in the count of all elements, its scalars, and its pointers.
STEP = """
void step(const int64_t *table, int64_t rows, int64_t begin, int64_t end, const real *scalars) {{
  for (int64_t r = 0; r < rows; r++) {{
    const int64_t *row = table + r * {width};
    int64_t from = begin > row[0] ? begin - row[0] : 0, to = (end < row[1] ? end : row[1]) - row[0];
    if (from >= to) continue;
    const real *s = scalars + row[2];
{pointers}
    #pragma GCC ivdep
    for (int64_t i = from; i < to; i++) {{
{body}
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Source:
    """A kernel's C text, and the scalars it wants each step."""

    text: str
    scalars: Callable[[Mapping[str, float]], tuple[float, ...]]


def emit(rule: Rule, stored: torch.dtype) -> Source:
    """Return the kernel of a rule for tensors of one dtype; 16-bit tensors are computed in 32 bits."""
    compute = "double" if stored is torch.float64 else "float"
    writer = _Writer()
    step, *state = (writer.write(v) for v in trace(rule.function, tuple(rule.state), rule.hyper))
    streams = ["theta", "g", *rule.state]
    kind = STORED[stored]
    lines = [f"      real {name} = {LOAD.get(kind, '{0}').format(f'p_{name}[i]')};" for name in streams]
    lines += [f"      real {line};" for line in writer.lines]
    results = [("theta", f"theta + {step}"), *zip(rule.state, state, strict=True)]
    lines += [f"      p_{name}[i] = {STORE.get(kind, '{0}').format(value)};" for name, value in results]
    pointers = [
        f"    {'const ' if name == 'g' else ''}{kind} *restrict p_{name} = (void *)row[{3 + i}];"
        for i, name in enumerate(streams)
    ]
    body = STEP.format(width=3 + len(streams), pointers="\n".join(pointers), body="\n".join(lines))
    names = ", ".join(["t", *rule.hyper])
    values = "".join(f"{text}, " for text in writer.scalars)
    scalars = eval(f"lambda {names}: ({values})", {"abs": abs, "maximum": max})  # the text is ours
    return Source(HEADER.format(compute=compute) + body, lambda known: scalars(**known))


class _Writer:
    """Writes each expression once, as a line of C; the scalars as Python, to be computed beforehand."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scalars: list[str] = []
        self._names: dict[Any, str] = {}

    def write(self, value: Any) -> str:
        """Return the C name of a value."""
        if not isinstance(value, Symbol):
            return f"(real){float(value)!r}"
        if value.is_scalar:
            return self._scalar(_python(value))
        if not value.args:
            return value.op
        args = [self.write(a) for a in value.args]
        key = (value.op, *args)
        if key not in self._names:
            self._names[key] = f"x{len(self.lines)}"
            self.lines.append(f"{self._names[key]} = {self._c(value, args)}")
        return self._names[key]

    def _scalar(self, text: str) -> str:
        if text not in self.scalars:
            self.scalars.append(text)
        return f"s[{self.scalars.index(text)}]"

    def _c(self, value: Symbol, args: list[str]) -> str:
        match value.op, value.args:
            case "**", (_, power) if power == 2:
                return f"{args[0]} * {args[0]}"
            case "**", (_, power) if power == 0.5:
                return f"sqrt({args[0]})"
            case "**", _:
                return f"pow({args[0]}, {args[1]})"
            case "abs", _:
                return f"fabs({args[0]})"
            case ("sign" | "maximum") as name, _:
                return f"{name}({', '.join(args)})"
            case "where", _:
                return f"{args[0]} ? {args[1]} : {args[2]}"
            case operator, _:
                return f"{args[0]} {operator} {args[1]}"


def _python(value: Any) -> str:
    """Return a scalar expression as Python text."""
    if not isinstance(value, Symbol):
        return repr(value)
    args = [_python(a) for a in value.args]
    if not args:
        return value.op
    if value.op == "where":
        return f"({args[1]} if {args[0]} else {args[2]})"
    if value.op.isalpha():
        return f"{value.op}({', '.join(args)})"
    return f"({args[0]} {value.op} {args[1]})"
