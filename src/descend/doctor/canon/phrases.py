"""What several rows say: why a remedy works, and who says so."""

RAVINE = "centred inputs of unit variance give the loss similar curvature in all directions"
OWN_UNIT = "the output layer need not grow to the targets' size, and the gradients have unit size"
WHITE = "all directions of the inputs then have the same variance"
MISSING = "a missing value then has no effect"
SCALED = "LeCun et al. 1998, §4.3 and §4.5"
SHORTER = "below 2/λmax gradient descent is stable along the steepest direction"
RESCALED = "rescales each coordinate by the size of its gradient"
VARIANCE = "keeps the scale of activations and gradients from layer to layer"
ORTHOGONAL = "recurrent layers that remember {length} steps from the start"
CLIP, KEEPS = (
    "clip the gradient norm at {max_norm:.3g}",
    "a step across a cliff keeps its direction but not its length",
)
NORMALISED, FIXED = (
    "batch normalisation after the hidden layers",
    "each layer's inputs keep their mean and variance, whatever the layers before it do",
)
WARMUP = "warm the learning rate up over the first {steps} steps"
IN_RANGE = "a shorter step does not push units out of the data's range"
FEW_STEPS = "a step of Adam is about as long as the learning rate, and there are few steps"
ADAM_AT, ADAM_COST = "Adam, lr {lr:.3g}", 3  # it changes the rule
WITHOUT = "without {function} in line {line}"
SCALE = "the learning rate then sets the length of the step", "Bottou et al. 2018, §4.2"
SCALES = 2  # functions of the whole loss that are tried
TO = "learning rate {old:.3g} → {lr:.3g}"
STABLE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: α < 2/λmax prevents instability"
CURVATURE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization"
OUTPUT = "Goodfellow et al. 2016, §6.2.2"
ADAM, INIT = "Ba, CSC413 lecture 4, RMSprop and Adam", "He et al. 2015, eq. 10; Glorot & Bengio 2010, eq. 16"
SET = "{keyword}={value} of {function} in line {line}"
TURNED = "what {function} in line {line} masks for what it does not"
SAME = "the network then receives inputs like those that it was trained on", "Shimodaira 2000, §1"
STATEMENTS, INPUTS, PREPARED, BLOCKS, TERMS, CALLS = 4, 4, 6, 3, 5, 2  # places of each kind that are tried
