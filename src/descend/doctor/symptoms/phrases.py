"""Labels, reasons and sources that several remedy entries share."""

# Labels of remedies. Each says what to do or which value to use; the placeholders are for the arguments of the edit.
NEW_LEARNING_RATE = "learning rate {old:.3g} → {lr:.3g}"
NEW_BATCH_SIZE = "batch size {old:g} → {batch_size}"
USE_ADAM = "Adam, lr {lr:.3g}"
WARM_UP_LEARNING_RATE = "warm up the learning rate over the first {steps} steps"
CLIP_GRADIENT_NORM = "clip the gradient norm at {max_norm:.3g}"
INITIALISE_RECURRENT = "initialise recurrent layers to remember {length} steps"
ADD_BATCH_NORMALISATION = "add batch normalisation after the hidden layers"
REMOVE_CALL = "remove {function} in line {line}"
SET_ARGUMENT = "set {keyword}={value} of {function} in line {line}"
INVERT_MASK = "invert the mask of {function} in line {line}"
FLIP_SIGN = "flip the sign of {function} in line {line}, term {place}"

# reasons why a remedy should work
EVEN_CURVATURE = "with centred inputs of unit variance, the loss has a similar curvature in all directions"
UNIT_SCALE_OUTPUTS = "the outputs then need not grow to the size of the targets, and the gradients have unit scale"
EQUAL_INPUT_VARIANCE = "the inputs then have the same variance in all directions"
NEUTRAL_MISSING_VALUE = "a missing value then contributes nothing to the first layer"
STABLE_STEPS = "at learning rates below 2/λmax, gradient descent is stable along the steepest direction"
RESCALED_GRADIENTS = "Adam divides each weight's gradient by its usual size"
CONSTANT_SCALE = "this initialisation keeps the scale of activations and gradients from layer to layer"
LIMITED_STEP = "a step at a cliff then keeps its direction, but its length is limited"
STEADY_LAYER_INPUTS = "the mean and variance of each layer's inputs then stay constant while earlier layers change"
ACTIVE_UNITS = "shorter steps do not move units to a range where no example activates them"
FEW_STEPS_OF_ADAM = "a step of Adam is about as long as the learning rate, and there are only a few steps"

# reasons together with their sources
UNSCALED_STEPS = (
    "a function of the whole loss also scales its gradient, and so the length of the steps",
    "Bottou et al. 2018, §4.2",
)
SAME_INPUT_DISTRIBUTION = (
    "the evaluation inputs then have the same distribution as the training inputs",
    "Shimodaira 2000, §1",
)
FUTURE_IS_HIDDEN = "each element is then predicted from earlier elements only", "Vaswani et al. 2017, §3.2.3"
METRIC_DISTINGUISHES = "right predictions then get a different score from wrong ones", "Gneiting & Raftery 2007, §2"
LOSS_MATCHES_METRIC = "the loss then optimises the reported metric", "Goodfellow et al. 2016, §8.1"
LOSS_IS_BOUNDED = "the loss then has a lower bound", "Rockafellar 1970, §8"
OUTPUT_REACHES_LOSS = "the network's output then reaches the loss unchanged", "Goodfellow et al. 2016, §6.2.2"
INFORMATION_IS_KEPT = "the network then receives the information in the data", "Cover & Thomas 2006, §2.8"
GRADIENT_REACHES_LAYERS = "the gradient then reaches the earlier layers", "Glorot & Bengio 2010, §4.2"

# sources
SCALING_SOURCE = "LeCun et al. 1998, §4.3 and §4.5"
STABILITY_SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: α < 2/λmax prevents instability"
NORMALISATION_SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization"
OUTPUT_LAYER_SOURCE = "Goodfellow et al. 2016, §6.2.2"
ADAM_SOURCE = "Ba, CSC413 lecture 4, RMSprop and Adam"
INITIALISATION_SOURCE = "He et al. 2015, eq. 10; Glorot & Bengio 2010, eq. 16"
DESCENT_SOURCE = "Nocedal & Wright 2006, §2.2"
TUNING_SOURCE = "Choi et al. 2019, §2"

ADAM_COST = 3  # cost of a remedy that changes the optimizer, see `RemedyEntry.cost`

# largest number of trials for each kind of edit
STATEMENTS_TRIED = 4  # removal of a statement that changes gradients, parameters or optimizer state
INPUT_CALLS_TRIED = 4  # removal of a call that processes the inputs
STATEMENT_REMOVALS_TRIED = 6  # removal of a statement that prepares the data
NETWORK_CALLS_TRIED = 3  # removal of a call in the network
LOSS_TERMS_TRIED = 5  # change of the sign or the weight of a loss term
LOSS_FUNCTIONS_TRIED = 2  # removal of a function that is applied to the whole loss
CALLS_TRIED = 2  # any other edit of a call
INITIALISATIONS_TRIED = 4  # new draw of the initial weights
OPTIMIZER_ARGUMENTS_TRIED = 3  # return of an optimizer argument to its default

LEARNING_RATE_FACTORS = (10.0, 0.1, 100.0)  # multiples of the learning rate that are tried
