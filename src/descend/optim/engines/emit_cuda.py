"""Generates CUDA C++ source code from a traced update rule: each block of threads processes a piece of one tensor.

Each block sums its part of a norm, and the blocks' sums are added in a fixed order, so steps are deterministic.
"""

import torch

from descend.optim.engines.emit import KernelSource, KernelWriter, write_kernel_source
from descend.optim.engines.symbols import Trace
from descend.optim.rule import Rule

PIECE = 4096  # number of elements that a block of threads processes
THREADS = 256  # number of threads per block
AHEAD = 4  # number of elements that a thread loads at once, to hide the memory latency
STORED = {
    torch.float32: "float",
    torch.float64: "double",
    torch.bfloat16: "bf16",
    torch.float16: "f16",
}

# The code uses no headers of the CUDA toolkit, because many training machines do not have it.
HEADER = """
#define PIECE {piece}
#define THREADS {threads}
#define AHEAD {ahead}
typedef long long int64_t;
typedef {compute} real;
struct bf16 {{ unsigned short bits; }};
struct f16 {{ unsigned short bits; }};
__device__ inline float load(bf16 x) {{ return __uint_as_float((unsigned)x.bits << 16); }}
__device__ inline float load(f16 x) {{ float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(x.bits)); return f; }}
__device__ inline float load(float x) {{ return x; }}
__device__ inline double load(double x) {{ return x; }}
__device__ inline void store(bf16 *p, float f) {{
  unsigned b = __float_as_uint(f);
  p->bits = f != f ? 0x7fc0 : (b + 0x7fff + ((b >> 16) & 1)) >> 16;
}}
__device__ inline void store(f16 *p, float f) {{ asm("cvt.rn.f16.f32 %0, %1;" : "=h"(p->bits) : "f"(f)); }}
__device__ inline void store(float *p, float f) {{ *p = f; }}
__device__ inline void store(double *p, double f) {{ *p = f; }}
__device__ inline real sign(real x) {{ return x > 0 ? 1 : x < 0 ? -1 : x; }}
__device__ inline real maximum(real x, real y) {{ return x > y || x != x ? x : y; }}
__device__ inline void sum_of_block(double mine, double *place) {{
  __shared__ double all[THREADS];
  all[threadIdx.x] = mine;
  for (int half = THREADS / 2; half; half /= 2) {{
    __syncthreads();
    if (threadIdx.x < half) all[threadIdx.x] += all[threadIdx.x + half];
  }}
  if (!threadIdx.x) *place = all[0];
  __syncthreads();
}}
extern "C" __global__ void descend_roots(const double *sums, const int *firsts, double *norms, int from, int to,
                                         int count) {{
  for (int k = from; k < to; k++) {{
    double mine = 0;
    for (int b = firsts[blockIdx.x] + threadIdx.x; b < firsts[blockIdx.x + 1]; b += THREADS)
      mine += sums[(int64_t)b * count + k];
    double *norm = norms + (int64_t)blockIdx.x * count + k;
    sum_of_block(mine, norm);
    if (!threadIdx.x) *norm = sqrt(*norm);
  }}
}}
"""

# The table is the same as in C. `pieces` contains, for each block of threads, a table row and the piece to process.
LOOP = """
extern "C" __global__ void descend_{name}(const int64_t *table, const int *pieces, const real *scalars,
                                          const double *norms, double *sums) {{
  const int64_t r = pieces[2 * blockIdx.x], *row = table + r * {width};
  const int64_t from = (int64_t)pieces[2 * blockIdx.x + 1] * PIECE, size = row[1] - row[0];
  const int64_t to = from + PIECE < size ? from + PIECE : size;
  const real *s = scalars + row[2];
{before}
  for (int64_t first = from + threadIdx.x; first < to; first += AHEAD * THREADS) {{
{ahead}
    #pragma unroll
    for (int k = 0; k < AHEAD; k++) {{
      const int64_t i = first + k * THREADS;
      if (i >= to) break;
{reading}
    }}
    #pragma unroll
    for (int k = 0; k < AHEAD; k++) {{
      const int64_t i = first + k * THREADS;
      if (i >= to) break;
{body}
    }}
  }}
{after}
}}
"""


class _CudaKernelWriter(KernelWriter):
    """Generates the CUDA C++ source code of one update rule's kernels."""

    loop, restrict = LOOP, "__restrict__"

    def small_tensor_function(self) -> str:
        """Return an empty string: on a GPU, small tensors are updated like large ones."""
        return ""

    def load_expression(self, stream: str) -> str:
        """Return the CUDA expression that converts a loaded element to the dtype of the computation."""
        return f"load(a_{stream}[k])"

    def extra_template_fields(self) -> dict[str, str]:
        """Return the CUDA code that declares and loads the elements that a thread reads at once."""
        return {
            "ahead": "\n".join(f"    {self.kind} a_{stream}[AHEAD];" for stream in self.streams),
            "reading": "\n".join(f"      a_{stream}[k] = p_{stream}[i];" for stream in self.streams),
        }

    def store_statement(self, stream: str, value: str) -> str:
        """Return the CUDA statement that writes an element of a tensor."""
        return f"store(p_{stream} + i, {value});"

    def sum_statement(self, name: str, place: int) -> str:
        """Return the CUDA statement that sums the squares over a block's threads and stores the result."""
        return f"  sum_of_block({name}, sums + (int64_t)blockIdx.x * {len(self.places)} + {place});"


def emit_cuda(rule: Rule, trace: Trace, stored: torch.dtype) -> KernelSource:
    """Return the CUDA source code of an update rule's kernels for one dtype; 16-bit tensors are computed in 32 bits."""
    compute = "double" if stored is torch.float64 else "float"
    header = HEADER.format(compute=compute, piece=PIECE, threads=THREADS, ahead=AHEAD)
    return write_kernel_source(
        rule, trace, header, lambda streams, levels: _CudaKernelWriter(streams, levels, STORED[stored])
    )
