"""The torch calls whose meaning the measurements need: losses, activations, and calls that only reshape."""

CLASS_LOSSES = frozenset({"cross_entropy", "nll_loss"})
BINARY_LOSSES = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits"})
REAL_LOSSES = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})
LOSSES = CLASS_LOSSES | BINARY_LOSSES | REAL_LOSSES

# Units whose derivative is exactly zero on one side: they can die.
CLAMPS = frozenset("clamp clamp_ clamp_min clamp_min_ clip".split())  # as rectifiers are written by hand
RECTIFIERS = CLAMPS | frozenset(
    "relu relu_ relu6 threshold threshold_ _threshold hardtanh hardtanh_ hardsigmoid hardsigmoid_".split()
)
# Units that flatten at both ends: they can saturate.
SIGMOIDS = frozenset({"sigmoid", "sigmoid_", "tanh", "tanh_"})
ACTIVATIONS = (
    RECTIFIERS
    | SIGMOIDS
    | frozenset("leaky_relu leaky_relu_ elu elu_ selu gelu silu mish softplus celu prelu hardswish softsign".split())
)
SOFTMAXES = frozenset({"softmax", "log_softmax", "softmin"})
OUTPUT_ACTIVATIONS = ACTIVATIONS - CLAMPS | SOFTMAXES | {"log_sigmoid"}

# Calls that pass values on unchanged, up to their arrangement.
RESHAPES = frozenset(
    "view reshape squeeze squeeze_ unsqueeze unsqueeze_ flatten transpose permute contiguous clone float double half "
    "to type view_as reshape_as T mT __getitem__ swapaxes movedim expand identity".split()
)
# Calls whose place in the source a finding may have to name.
DIFFERENCES = frozenset({"sub", "rsub", "__rsub__", "subtract"})
# Arithmetic of two operands, which torch broadcasts.
PAIRED = DIFFERENCES | frozenset(
    "add __add__ __radd__ mul __mul__ __rmul__ multiply div __truediv__ __rtruediv__ true_divide".split()
)
# Arithmetic that makes a loss of its terms: what is added up, and what a term is multiplied or divided by.
ADDITIONS = frozenset("add __add__ __radd__ add_ __iadd__ sub __sub__ rsub __rsub__".split())
PRODUCTS = frozenset("mul __mul__ __rmul__ multiply".split())
QUOTIENTS = frozenset("div __truediv__ true_divide".split())
NEGATIONS = frozenset({"neg", "__neg__"})
RECURRENT = frozenset({"rnn_tanh", "rnn_relu", "lstm", "gru"})
INTERESTING = (
    LOSSES
    | ACTIVATIONS
    | OUTPUT_ACTIVATIONS
    | PAIRED
    | RECURRENT
    | {"detach", "sum", "mean", "__getitem__", "gather", "linear", "conv1d", "conv2d", "conv3d", "embedding"}
    | {"view", "reshape", "multi_head_attention_forward", "scaled_dot_product_attention", "layer_norm", "group_norm"}
    | {"batch_norm", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "pow", "kl_div"}
)
