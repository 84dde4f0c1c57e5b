"""The torch operations that `descend` recognises, by the name of their function, with the traits of each.

The sets of operation names in the measurements are derived from this table, so a new operation is one new entry. Torch
has several names for one operation: `add`, the in-place `add_`, and the operators `__add__`, `__radd__` and `__iadd__`.
Each name has its own traits, because an in-place operation changes its input.
"""

from collections.abc import Mapping
from enum import Flag, auto
from functools import reduce
from operator import or_
from types import MappingProxyType


class Trait(Flag):
    """A property of a torch operation, such as being an activation, on which measurements and code edits depend."""

    CLASS_LOSS = auto()  # a loss function for class targets
    BINARY_LOSS = auto()  # a loss function for targets between 0 and 1
    REAL_LOSS = auto()  # a loss function for real-valued targets
    ACTIVATION = auto()
    RECTIFIER = auto()  # an activation that is flat on one side, so that units can die
    CLAMP = auto()  # a function such as clamp(x, 0), with which people write a ReLU by hand
    SIGMOID = auto()  # an activation that is flat at both ends, so that units can saturate
    HOMOGENEOUS = auto()  # an activation with f(ax) = a f(x) for all a > 0
    SOFTMAX = auto()
    DROPOUT = auto()
    ELEMENTWISE = auto()  # any other elementwise function; its arguments are broadcast
    ADDITION = auto()  # a sum or difference of two operands
    DIFFERENCE = auto()
    PRODUCT = auto()
    QUOTIENT = auto()
    NEGATION = auto()
    BROADCASTING = auto()  # an arithmetic operation, whose operands may be broadcast by mistake
    LINEAR = auto()  # an operation that is jointly linear in all its tensor arguments
    LINEAR_LAYER = auto()  # an operation that is linear in its input if the weight is fixed
    CONTRACTION = auto()  # any other operation that sums products of inputs and weights
    CONVOLUTION = auto()
    TRANSPOSED_CONVOLUTION = auto()
    MATRIX_PRODUCT = auto()
    RECURRENT = auto()
    ATTENTION = auto()
    NORMALISES_CHANNELS = auto()
    NORMALISES_FEATURES = auto()
    NORMALISES_GROUPS = auto()
    KEEPS_UNITS = auto()  # an operation that keeps each unit at its index
    FEATURES_LAST = auto()  # an operation whose units are along the last dimension
    RESHAPE = auto()  # an operation that keeps all values and changes at most their shape, order or type
    RESIZE = auto()  # an operation that changes the sizes of dimensions and keeps the values in order
    VIEW = auto()  # an operation that rearranges dimensions or selects along them
    COPY = auto()  # an operation that keeps the tensor's shape and values
    CAST = auto()  # an operation that changes the tensor's dtype
    REDUCTION = auto()  # an operation that reduces one or more dimensions to a single value
    ALONG_DIMENSION = auto()  # an operation with a dimension as an argument
    POOLING = auto()
    NORM = auto()
    LOGARITHM = auto()
    PARTIAL_DOMAIN = auto()  # a function that is defined only for some real numbers
    MASKING = auto()  # an operation that may write −inf on purpose, as in an attention mask
    SELECTION = auto()  # an operation that selects one value for each example
    INDEXED = auto()  # an operation that fails on the GPU if an index is out of range
    TAKES_PROBABILITIES = auto()  # an operation that fails on the GPU if a probability is invalid
    SAMPLING = auto()  # an operation that draws from a distribution with given parameters
    DRAWS_INDICES = auto()  # an operation that draws random integers, which scripts use to select examples
    READ = auto()  # an operation that returns numbers or an array to Python
    BUILDER = auto()  # a function that makes a tensor from memory that torch did not allocate
    SITED = auto()  # any other operation whose source line a finding may name


_ROWS: tuple[tuple[str, Trait], ...] = (
    # losses
    ("cross_entropy nll_loss", Trait.CLASS_LOSS | Trait.INDEXED),
    ("binary_cross_entropy_with_logits", Trait.BINARY_LOSS),
    ("binary_cross_entropy", Trait.BINARY_LOSS | Trait.TAKES_PROBABILITIES),
    ("huber_loss l1_loss mse_loss smooth_l1_loss", Trait.REAL_LOSS),
    ("kl_div", Trait.SITED),
    ("multi_margin_loss multilabel_margin_loss", Trait.INDEXED),
    # activations
    ("clamp clamp_ clamp_min clamp_min_ clip", Trait.ACTIVATION | Trait.RECTIFIER | Trait.CLAMP),
    (
        "relu6 threshold threshold_ _threshold hardtanh hardtanh_ hardsigmoid hardsigmoid_",
        Trait.ACTIVATION | Trait.RECTIFIER,
    ),
    ("relu relu_", Trait.ACTIVATION | Trait.RECTIFIER | Trait.HOMOGENEOUS),
    ("sigmoid sigmoid_ tanh tanh_", Trait.ACTIVATION | Trait.SIGMOID),
    ("celu elu elu_ gelu hardswish mish selu silu softplus softsign", Trait.ACTIVATION),
    ("leaky_relu leaky_relu_ prelu", Trait.ACTIVATION | Trait.HOMOGENEOUS),
    ("log_sigmoid", Trait.ELEMENTWISE | Trait.SITED),
    ("softmin", Trait.SOFTMAX),
    ("softmax log_softmax", Trait.SOFTMAX | Trait.ALONG_DIMENSION),
    ("dropout", Trait.DROPOUT | Trait.LINEAR | Trait.KEEPS_UNITS),
    ("dropout_ feature_dropout", Trait.DROPOUT | Trait.LINEAR),
    ("dropout1d dropout2d dropout3d", Trait.DROPOUT | Trait.KEEPS_UNITS),
    ("alpha_dropout", Trait.ELEMENTWISE | Trait.LINEAR | Trait.KEEPS_UNITS),
    # arithmetic
    ("add", Trait.ADDITION | Trait.BROADCASTING | Trait.LINEAR | Trait.KEEPS_UNITS),
    ("__add__ __radd__", Trait.ADDITION | Trait.BROADCASTING | Trait.LINEAR),
    ("add_", Trait.ADDITION | Trait.LINEAR | Trait.KEEPS_UNITS),
    ("__iadd__", Trait.ADDITION),
    ("sub", Trait.ADDITION | Trait.DIFFERENCE | Trait.BROADCASTING | Trait.LINEAR | Trait.KEEPS_UNITS),
    ("rsub __rsub__", Trait.ADDITION | Trait.DIFFERENCE | Trait.BROADCASTING | Trait.LINEAR),
    ("__sub__", Trait.ADDITION | Trait.LINEAR),
    ("subtract", Trait.DIFFERENCE | Trait.BROADCASTING),
    ("mul", Trait.PRODUCT | Trait.BROADCASTING | Trait.KEEPS_UNITS),
    ("__mul__ __rmul__ multiply", Trait.PRODUCT | Trait.BROADCASTING),
    ("mul_", Trait.ELEMENTWISE | Trait.KEEPS_UNITS),
    ("div", Trait.QUOTIENT | Trait.BROADCASTING | Trait.KEEPS_UNITS),
    ("__truediv__ true_divide", Trait.QUOTIENT | Trait.BROADCASTING),
    ("__rtruediv__", Trait.BROADCASTING),
    ("neg __neg__", Trait.NEGATION | Trait.LINEAR),
    ("__isub__ sub_ __imul__ div_ __itruediv__", Trait.ELEMENTWISE),
    ("log", Trait.ELEMENTWISE | Trait.LOGARITHM | Trait.PARTIAL_DOMAIN | Trait.SITED),
    ("log2 log10", Trait.LOGARITHM | Trait.PARTIAL_DOMAIN | Trait.SITED),
    ("log1p pow sqrt rsqrt", Trait.ELEMENTWISE | Trait.PARTIAL_DOMAIN | Trait.SITED),
    ("__pow__", Trait.ELEMENTWISE | Trait.PARTIAL_DOMAIN),
    ("log_ sqrt_ acos acosh asin atanh logit xlogy", Trait.PARTIAL_DOMAIN),
    ("abs cos erf exp heaviside lerp maximum minimum rrelu feature_alpha_dropout sign sin square", Trait.ELEMENTWISE),
    ("gt lt ge le __gt__ __lt__ __ge__ __le__", Trait.ELEMENTWISE),
    ("where masked_fill masked_fill_", Trait.ELEMENTWISE | Trait.MASKING),
    ("full_like new_full", Trait.MASKING),
    # layers
    ("linear", Trait.LINEAR_LAYER | Trait.FEATURES_LAST | Trait.SITED),
    ("conv1d conv2d conv3d", Trait.LINEAR_LAYER | Trait.CONVOLUTION | Trait.SITED),
    ("conv_transpose1d conv_transpose2d conv_transpose3d", Trait.LINEAR_LAYER | Trait.TRANSPOSED_CONVOLUTION),
    ("matmul mm __matmul__", Trait.LINEAR_LAYER | Trait.MATRIX_PRODUCT | Trait.FEATURES_LAST),
    ("__rmatmul__ addmm bmm", Trait.LINEAR_LAYER | Trait.FEATURES_LAST),
    ("bilinear mv", Trait.LINEAR_LAYER),
    ("baddbmm", Trait.CONTRACTION | Trait.FEATURES_LAST),
    ("addmv cdist einsum tensordot", Trait.CONTRACTION),
    ("embedding", Trait.CONTRACTION | Trait.INDEXED | Trait.SITED),
    ("embedding_bag", Trait.CONTRACTION | Trait.INDEXED),
    ("rnn_tanh rnn_relu lstm gru", Trait.RECURRENT),
    ("multi_head_attention_forward", Trait.CONTRACTION | Trait.ATTENTION | Trait.SITED),
    ("scaled_dot_product_attention", Trait.ATTENTION | Trait.SITED),
    ("batch_norm", Trait.NORMALISES_CHANNELS | Trait.LINEAR | Trait.KEEPS_UNITS | Trait.SITED),
    ("instance_norm", Trait.NORMALISES_CHANNELS | Trait.KEEPS_UNITS),
    ("group_norm", Trait.NORMALISES_GROUPS | Trait.KEEPS_UNITS | Trait.SITED),
    ("layer_norm", Trait.NORMALISES_FEATURES | Trait.KEEPS_UNITS | Trait.FEATURES_LAST | Trait.SITED),
    ("rms_norm", Trait.NORMALISES_FEATURES | Trait.KEEPS_UNITS | Trait.FEATURES_LAST),
    ("max_pool1d max_pool2d max_pool3d", Trait.POOLING | Trait.KEEPS_UNITS),
    ("avg_pool1d avg_pool2d avg_pool3d", Trait.POOLING | Trait.LINEAR | Trait.KEEPS_UNITS),
    ("adaptive_avg_pool1d adaptive_avg_pool2d", Trait.POOLING | Trait.LINEAR),
    (
        "adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d interpolate pad",
        Trait.POOLING,
    ),
    # shapes and types
    ("view reshape", Trait.RESHAPE | Trait.RESIZE | Trait.SITED),
    ("view_as reshape_as", Trait.RESHAPE | Trait.RESIZE),
    ("flatten", Trait.RESHAPE | Trait.RESIZE | Trait.LINEAR),
    ("unflatten", Trait.RESIZE | Trait.LINEAR),
    (
        "T mT transpose permute swapaxes movedim expand squeeze squeeze_ unsqueeze unsqueeze_",
        Trait.RESHAPE | Trait.VIEW,
    ),
    ("__getitem__", Trait.RESHAPE | Trait.VIEW | Trait.SELECTION | Trait.INDEXED | Trait.SITED),
    ("t swapdims expand_as unbind data detach_", Trait.VIEW),
    ("detach", Trait.VIEW | Trait.LINEAR | Trait.SITED),
    ("chunk split narrow select", Trait.VIEW | Trait.LINEAR),
    ("cat stack", Trait.LINEAR),
    ("float half to type", Trait.RESHAPE | Trait.COPY | Trait.CAST | Trait.KEEPS_UNITS),
    ("clone contiguous double", Trait.RESHAPE | Trait.COPY | Trait.KEEPS_UNITS),
    ("identity", Trait.RESHAPE | Trait.COPY),
    ("bfloat16", Trait.COPY | Trait.CAST | Trait.KEEPS_UNITS),
    ("type_as", Trait.COPY | Trait.CAST),
    # reductions
    ("sum mean", Trait.REDUCTION | Trait.LINEAR | Trait.ALONG_DIMENSION | Trait.SITED),
    ("max min amax amin", Trait.REDUCTION | Trait.ALONG_DIMENSION),
    ("norm", Trait.NORM | Trait.ALONG_DIMENSION),
    ("linalg_norm linalg_vector_norm", Trait.NORM),
    ("argmax argmin cumsum cumprod logcumsumexp logsumexp std var", Trait.ALONG_DIMENSION),
    # indices
    ("gather", Trait.SELECTION | Trait.INDEXED | Trait.SITED),
    ("one_hot take take_along_dim index_select index_add index_copy index_fill index_put", Trait.INDEXED),
    ("__setitem__ scatter scatter_add scatter_reduce", Trait.INDEXED),
    # random numbers
    ("poisson binomial", Trait.SAMPLING),
    ("bernoulli", Trait.SAMPLING | Trait.TAKES_PROBABILITIES),
    ("multinomial", Trait.SAMPLING | Trait.TAKES_PROBABILITIES | Trait.DRAWS_INDICES),
    ("randint randint_like randperm", Trait.DRAWS_INDICES),
    # Python's side
    ("item tolist numpy __float__ __complex__ __array__ __dlpack__", Trait.READ),
    ("tensor as_tensor asarray frombuffer from_file", Trait.BUILDER),
)

OPERATIONS: Mapping[str, Trait] = MappingProxyType({name: traits for names, traits in _ROWS for name in names.split()})


def having(*traits: Trait) -> frozenset[str]:
    """Return the names of the torch operations that have at least one of the given traits."""
    wanted = reduce(or_, traits)
    return frozenset(name for name, own in OPERATIONS.items() if own & wanted)
