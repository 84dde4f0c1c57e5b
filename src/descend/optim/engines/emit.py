"""Generates C source code from a traced update rule: one loop reads and writes each tensor once.

If the rule takes norms, loops that sum squares come first: one for each nesting level of the norms.
The subclass of `KernelWriter` in `emit_cuda` generates CUDA code instead.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from descend.optim.engines.symbols import Symbol, Trace, find_norms, is_variable
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

# The prefix `descend_` avoids conflicts with functions of the C library, such as `step`.
# Each row of the table describes one parameter. It contains the indices of its first element and of the one after its
# last, the index of its first scalar in `scalars`, and the addresses of its tensors.
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

# A tensor of at most `limit` elements stays in the CPU cache while its norms and its step are computed.
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
class KernelSource:
    """The source code of a kernel, and the functions that compute the numbers for each call of the kernel."""

    code: str
    norm_counts: tuple[int, ...]  # number of norms that each loop before the step's loop computes
    row_width: int  # number of integers in a row of the kernel's table
    scalar_count: int
    scalars: Callable[[Mapping[str, float]], tuple[float, ...]]  # computes values that all elements share
    new_numbers: Callable[[Mapping[str, float]], tuple[float, ...]]  # computes the new scalar states


def write_kernel_source(
    rule: Rule, trace: Trace, header: str, make_writer: Callable[[list[str], list[list[Symbol]]], "KernelWriter"]
) -> KernelSource:
    """Return the source code of an update rule's kernel; `make_writer` creates the `KernelWriter` that generates it."""
    arrays = [name for name in rule.state if name not in trace.numbers]
    new = dict(zip(rule.state, trace.state))
    writer = make_writer(["theta", "g", *arrays], _group_norms_by_level(trace.norms))
    argument_names = ["t", *trace.numbers, *rule.hyper]
    loops = [writer.norm_loop(depth) for depth in range(len(writer.norm_counts))]
    changing = {name: new[name] for name in arrays if not is_variable(new[name], name)}
    loops.append(writer.step_loop(trace.step, changing))
    loops.append(writer.small_tensor_function())
    numbers = [_python_expression(new[name]) for name in trace.numbers]
    return KernelSource(
        header + "".join(loops),
        writer.norm_counts,
        writer.row_width,
        len(writer.scalars),
        _compile_expressions(argument_names, writer.scalars),
        _compile_expressions(argument_names, numbers),
    )


def emit_c(rule: Rule, trace: Trace, stored: torch.dtype) -> KernelSource:
    """Return the C source code of an update rule's kernel for one dtype; 16-bit tensors are computed in 32 bits."""
    header = HEADER.format(compute="double" if stored is torch.float64 else "float")
    return write_kernel_source(
        rule, trace, header, lambda streams, levels: KernelWriter(streams, levels, STORED[stored])
    )


def _compile_expressions(
    names: list[str], expressions: list[str]
) -> Callable[[Mapping[str, float]], tuple[float, ...]]:
    """Return a function that takes the values of the variables `names` and evaluates Python expressions with them."""
    values = "".join(f"{expression}, " for expression in expressions)
    functions = {"abs": abs, "norm": abs, "maximum": max, "cos": math.cos, "sign": lambda x: (x > 0) - (x < 0)}
    # `eval` is safe here, because this module has generated the expressions.
    function = eval(f"lambda {', '.join(names)}: ({values})", functions)
    return lambda by_name: function(**by_name)


def _group_norms_by_level(norms: list[Symbol]) -> list[list[Symbol]]:
    """Group norms by nesting level: the argument of a norm contains only norms of earlier levels."""
    depth: dict[Symbol, int] = {}
    for norm in norms:
        depth[norm] = 1 + max((depth[inner] for inner in find_norms(norm.args)), default=-1)
    return [[n for n in norms if depth[n] == level] for level in range(1 + max(depth.values(), default=-1))]


class KernelWriter:
    """Generates the C source code of the loops of one kernel.

    `streams` are the names of its tensors, `levels` the norms by nesting level, `kind` the C type of an element.
    """

    loop, restrict = LOOP, "restrict"

    def __init__(self, streams: list[str], levels: list[list[Symbol]], kind: str) -> None:
        self.streams, self.levels, self.kind = streams, levels, kind
        self.scalars: list[str] = []
        self.places = {norm: index for index, norm in enumerate(n for level in levels for n in level)}

    @property
    def row_width(self) -> int:
        """Return the number of integers in a row of the kernel's table."""
        return 3 + len(self.streams)

    @property
    def norm_counts(self) -> tuple[int, ...]:
        """Return the number of norms at each nesting level. The norms of one level are computed in one loop."""
        return tuple(map(len, self.levels))

    def norm_loop(self, depth: int) -> str:
        """Return the source code of the loop that sums squared elements, for all norms of one nesting level."""
        writer = _ExpressionWriter(self.scalars, self.places)
        values = {f"a{self.places[norm]}": writer.write_value(norm.args[0]) for norm in self.levels[depth]}
        adding = [f"      {name} += (double){value} * (double){value};" for name, value in values.items()]
        after = [self.sum_statement(name, int(name[1:])) for name in values]
        before = [f"    double {name} = 0;" for name in values]
        pragma = f"omp simd reduction(+:{', '.join(values)})"
        return self._loop_source(f"measure{depth}", before, writer.lines + adding, after, pragma)

    def step_loop(self, step: Any, state: Mapping[str, Any]) -> str:
        """Return the source code of the loop that updates the parameters and the states."""
        writer = _ExpressionWriter(self.scalars, self.places)
        results = {"theta": f"theta + {writer.write_value(step)}"}
        results |= {name: writer.write_value(value) for name, value in state.items()}
        storing = [f"      {self.store_statement(name, value)}" for name, value in results.items()]
        return self._loop_source("step", [], writer.lines + storing, [], "GCC ivdep")

    def small_tensor_function(self) -> str:
        """Return the source code of a function that updates small tensors; "" if the update rule computes no norm."""
        each = (
            "    descend_measure{0}(row, 1, row[0], row[1], scalars, norms, sums); descend_roots(sums, 1, {1}, norms);"
        )
        measuring = [each.format(depth, len(self.places)) for depth in range(len(self.levels))]
        fields = {"width": self.row_width, "norms": len(self.places), "measuring": "\n".join(measuring)}
        return WHOLE.format(**fields) if self.levels else ""

    def load_expression(self, stream: str) -> str:
        """Return the C expression that reads an element of a tensor."""
        return LOAD.get(self.kind, "{0}").format(f"p_{stream}[i]")

    def store_statement(self, stream: str, value: str) -> str:
        """Return the C statement that writes an element of a tensor."""
        return f"p_{stream}[i] = {STORE.get(self.kind, '{0}').format(value)};"

    def extra_template_fields(self) -> dict[str, str]:
        """Return the fields of the loop template that only a subclass fills, by name; there are none in C."""
        return {}

    def sum_statement(self, name: str, place: int) -> str:
        """Return the C statement that adds a thread's sum of squares to the array from which norms are computed."""
        return f"    sums[r * {len(self.places)} + {place}] += {name};"

    def _loop_source(self, name: str, before: list[str], body: list[str], after: list[str], pragma: str) -> str:
        """Return the source code of one loop: the template, filled with declarations, loads and given statements."""
        kind = self.kind
        pointers = [f"    {kind} *{self.restrict} p_{s} = ({kind} *)row[{3 + i}];" for i, s in enumerate(self.streams)]
        scalars = [f"    const real s{k} = s[{k}];" for k in range(len(self.scalars))]
        norms = [f"    const real n{k} = norms[r * {len(self.places)} + {k}];" for k in self.places.values()]
        loads = [f"      real {s} = {self.load_expression(s)};" for s in self.streams]
        return self.loop.format(
            name=name,
            width=self.row_width,
            before="\n".join(pointers + scalars + norms + before),
            pragma=pragma,
            body="\n".join(loads + body),
            after="\n".join(after),
            **self.extra_template_fields(),
        )


class _ExpressionWriter:
    """Writes an expression as lines of C, each subexpression once. Scalars are computed in Python, not in C."""

    def __init__(self, scalars: list[str], norms: Mapping[Symbol, int]) -> None:
        self.lines: list[str] = []
        self._scalars, self._norms = scalars, norms
        self._names: dict[Any, str] = {}

    def write_value(self, value: Any) -> str:
        """Append the lines of C that compute a value, and return the C expression for the value."""
        if not isinstance(value, Symbol):
            return f"(real){float(value)!r}"
        if value.is_scalar:
            return self._scalar_name(_python_expression(value))
        if not value.args:
            return value.op
        if value in self._norms:
            return f"n{self._norms[value]}"
        args = [self.write_value(a) for a in value.args]
        key = (value.op, *args)
        if key not in self._names:
            self._names[key] = f"x{len(self._names)}"
            kind = "int" if value.op in "<>" else "real"
            self.lines.append(f"      {kind} {self._names[key]} = {self._operation_source(value, args)};")
        return self._names[key]

    def _scalar_name(self, text: str) -> str:
        """Return the C name of the scalar that a Python expression computes."""
        if text not in self._scalars:
            self._scalars.append(text)
        return f"s{self._scalars.index(text)}"

    def _operation_source(self, value: Symbol, args: list[str]) -> str:
        """Return the C expression of one operation, given the C expressions of its arguments."""
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


def _python_expression(value: Any) -> str:
    """Convert the expression of a scalar to Python source code."""
    if not isinstance(value, Symbol):
        return repr(value)
    args = [_python_expression(a) for a in value.args]
    if not args:
        return value.op
    if value.op == "where":
        return f"({args[1]} if {args[0]} else {args[2]})"
    if value.op.isalpha():
        return f"{value.op}({', '.join(args)})"
    return f"({args[0]} {value.op} {args[1]})"
