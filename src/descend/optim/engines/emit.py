"""From a rule's expression to C: one loop that reads each stream once and writes each stream once.

A rule that takes norms has a loop before that one for each depth of them: it sums the squares, and writes nothing.
Another language's loops are a `Text` of their own (`emit_cuda`).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from descend.optim.engines.symbols import Symbol, Trace, norms_in
from descend.optim.rule import Rule

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
void descend_roots(const double *sums, int64_t threads, int64_t count, double *norms) {{
  for (int64_t i = 0; i < count; i++) {{
    double sum = 0;
    for (int64_t k = 0; k < threads; k++) sum += sums[k * count + i];
    norms[i] = sqrt(sum);
  }}
}}
"""

# The names are ours: the C library has a `step` of its own.
# A row of the table is a tensor: where it begins in the count of all elements, its scalars, and its pointers.
LOOP = """
void descend_{name}(const int64_t *table, int64_t rows, int64_t begin, int64_t end, const real *scalars,
            const double *norms, double *sums) {{
  for (int64_t r = 0; r < rows; r++) {{
    const int64_t *row = table + r * {width};
    int64_t from = begin > row[0] ? begin - row[0] : 0, to = (end < row[1] ? end : row[1]) - row[0];
    if (from >= to) continue;
    const real *s = scalars + row[2];
{before}
    #pragma {pragma}
    for (int64_t i = from; i < to; i++) {{
{body}
    }}
{after}
  }}
}}
"""

# Tensors of at most `limit` elements are measured and stepped while they are in the cache.
WHOLE = """
void descend_whole(const int64_t *table, int64_t rows, int64_t begin, int64_t end, const real *scalars,
                   int64_t limit) {{
  for (int64_t r = 0; r < rows; r++) {{
    const int64_t *row = table + r * {width};
    if (row[0] < begin || row[0] >= end || row[1] - row[0] > limit) continue;
    double norms[{norms}] = {{0}}, sums[{norms}] = {{0}};
{measuring}
    descend_step(row, 1, row[0], row[1], scalars, norms, sums);
  }}
}}
"""


@dataclass(frozen=True)
class Source:
    """A kernel's text: its loops, and how many norms each of those before the last one measures."""

    text: str
    measured: tuple[int, ...]
    width: int  # of a row of the table
    amount: int  # of scalars
    scalars: Callable[[Mapping[str, float]], tuple[float, ...]]  # what it wants each step
    numbers: Callable[[Mapping[str, float]], tuple[float, ...]]  # the new state that is a number


def emit(rule: Rule, trace: Trace, header: str, written: Callable[[list[str], list[list[Symbol]]], "Text"]) -> Source:
    """Return the kernel of a rule, in the language of the `Text` that `written` makes of its streams and norms."""
    arrays = [name for name in rule.state if name not in trace.numbers]
    new = dict(zip(rule.state, trace.state))
    text = written(["theta", "g", *arrays], _depths(trace.norms))
    known = ["t", *trace.numbers, *rule.hyper]
    loops = [text.measuring(depth) for depth in range(len(text.measured))]
    loops.append(text.stepping(trace.step, {name: new[name] for name in arrays}))
    loops.append(text.whole())
    numbers = [_python(new[name]) for name in trace.numbers]
    return Source(
        header + "".join(loops),
        text.measured,
        text.width,
        len(text.scalars),
        _numbers_of(known, text.scalars),
        _numbers_of(known, numbers),
    )


def emit_c(rule: Rule, trace: Trace, stored: torch.dtype) -> Source:
    """Return the kernel of a rule for tensors of one dtype; 16-bit tensors are computed in 32 bits."""
    header = HEADER.format(compute="double" if stored is torch.float64 else "float")
    return emit(rule, trace, header, lambda streams, levels: Text(streams, levels, STORED[stored]))


def _numbers_of(names: list[str], expressions: list[str]) -> Callable[[Mapping[str, float]], tuple[float, ...]]:
    values = "".join(f"{expression}, " for expression in expressions)
    words = {"abs": abs, "norm": abs, "maximum": max, "cos": math.cos, "sign": lambda x: (x > 0) - (x < 0)}
    function = eval(f"lambda {', '.join(names)}: ({values})", words)  # the text is ours
    return lambda known: function(**known)


def _depths(norms: list[Symbol]) -> list[list[Symbol]]:
    """Return the norms that can be measured at once, level by level: a level needs those before it."""
    depth: dict[Symbol, int] = {}
    for norm in norms:
        depth[norm] = 1 + max((depth[inner] for inner in norms_in(norm.args)), default=-1)
    return [[n for n in norms if depth[n] == level] for level in range(1 + max(depth.values(), default=-1))]


class Text:
    """The loops of one kernel."""

    loop, alone = LOOP, "restrict"

    def __init__(self, streams: list[str], levels: list[list[Symbol]], kind: str) -> None:
        self.streams, self.levels, self.kind = streams, levels, kind
        self.scalars: list[str] = []
        self.places = {norm: index for index, norm in enumerate(n for level in levels for n in level)}

    @property
    def width(self) -> int:
        """How many numbers a row of the table has."""
        return 3 + len(self.streams)

    @property
    def measured(self) -> tuple[int, ...]:
        """How many norms each loop before the last measures."""
        return tuple(map(len, self.levels))

    def measuring(self, depth: int) -> str:
        """Return the loop that sums the squares of one level of norms."""
        writer = _Writer(self.scalars, self.places)
        values = {f"a{self.places[norm]}": writer.write(norm.args[0]) for norm in self.levels[depth]}
        adding = [f"      {name} += (double){value} * (double){value};" for name, value in values.items()]
        after = [self.summed(name, int(name[1:])) for name in values]
        before = [f"    double {name} = 0;" for name in values]
        pragma = f"omp simd reduction(+:{', '.join(values)})"
        return self._loop(f"measure{depth}", before, writer.lines + adding, after, pragma)

    def stepping(self, step: Any, state: Mapping[str, Any]) -> str:
        """Return the loop that takes the step."""
        writer = _Writer(self.scalars, self.places)
        results = {"theta": f"theta + {writer.write(step)}"}
        results |= {name: writer.write(value) for name, value in state.items()}
        storing = [f"      {self.stored(name, value)}" for name, value in results.items()]
        return self._loop("step", [], writer.lines + storing, [], "GCC ivdep")

    def whole(self) -> str:
        """Return the function that measures and steps small tensors one by one; none where nothing is measured."""
        each = (
            "    descend_measure{0}(row, 1, row[0], row[1], scalars, norms, sums); descend_roots(sums, 1, {1}, norms);"
        )
        measuring = [each.format(depth, len(self.places)) for depth in range(len(self.levels))]
        known = {"width": self.width, "norms": len(self.places), "measuring": "\n".join(measuring)}
        return WHOLE.format(**known) if self.levels else ""

    def loaded(self, stream: str) -> str:
        """Return the expression that reads an element of a stream."""
        return LOAD.get(self.kind, "{0}").format(f"p_{stream}[i]")

    def stored(self, stream: str, value: str) -> str:
        """Return the statement that writes one."""
        return f"p_{stream}[i] = {STORE.get(self.kind, '{0}').format(value)};"

    def around(self) -> dict[str, str]:
        """Return what else stands in a loop, by its place there."""
        return {}

    def summed(self, name: str, place: int) -> str:
        """Return the statement that adds a loop's sum to those of its norm."""
        return f"    sums[r * {len(self.places)} + {place}] += {name};"

    def _loop(self, name: str, before: list[str], body: list[str], after: list[str], pragma: str) -> str:
        kind = self.kind
        pointers = [f"    {kind} *{self.alone} p_{s} = ({kind} *)row[{3 + i}];" for i, s in enumerate(self.streams)]
        scalars = [f"    const real s{k} = s[{k}];" for k in range(len(self.scalars))]
        norms = [f"    const real n{k} = norms[r * {len(self.places)} + {k}];" for k in self.places.values()]
        loads = [f"      real {s} = {self.loaded(s)};" for s in self.streams]
        return self.loop.format(
            name=name,
            width=self.width,
            before="\n".join(pointers + scalars + norms + before),
            pragma=pragma,
            body="\n".join(loads + body),
            after="\n".join(after),
            **self.around(),
        )


class _Writer:
    """Writes each expression once, as a line of C; the scalars as Python, to be computed beforehand."""

    def __init__(self, scalars: list[str], norms: Mapping[Symbol, int]) -> None:
        self.lines: list[str] = []
        self._scalars, self._norms = scalars, norms
        self._names: dict[Any, str] = {}

    def write(self, value: Any) -> str:
        """Return the C name of a value."""
        if not isinstance(value, Symbol):
            return f"(real){float(value)!r}"
        if value.is_scalar:
            return self._scalar(_python(value))
        if not value.args:
            return value.op
        if value in self._norms:
            return f"n{self._norms[value]}"
        args = [self.write(a) for a in value.args]
        key = (value.op, *args)
        if key not in self._names:
            self._names[key] = f"x{len(self._names)}"
            kind = "int" if value.op in "<>" else "real"
            self.lines.append(f"      {kind} {self._names[key]} = {self._c(value, args)};")
        return self._names[key]

    def _scalar(self, text: str) -> str:
        if text not in self._scalars:
            self._scalars.append(text)
        return f"s{self._scalars.index(text)}"

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
            case "%", _:
                return f"fmod({args[0]}, {args[1]})"
            case ("sign" | "maximum" | "cos") as name, _:
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
