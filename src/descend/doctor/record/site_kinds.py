"""The kinds of places in the user's source that a record can name."""

from enum import StrEnum


class SiteKind(StrEnum):
    """What a place in the source does, such as the optimizer step. Its `phrase` names it in messages to the user."""

    phrase: str

    def __new__(cls, value: str, phrase: str = "") -> "SiteKind":
        """Return the kind with its stored value and its phrase."""
        kind = str.__new__(cls, value)
        kind._value_, kind.phrase = value, phrase
        return kind

    # places at which an object is constructed
    MODEL = "model", "model"
    OPTIMIZER = "optimizer", "optimizer"
    SCHEDULER = "scheduler", "scheduler"
    LOADER = "loader", "data loader"
    LENGTH = "length", "length of the data set"
    LOSS_MODULE = "loss_module", "loss module"
    DROPOUT = "dropout", "dropout layer"
    LINEAR = "linear", "linear layer"
    MODULE = "module", "module"
    MADE_IN_FORWARD = "made_in_forward", "layer that is constructed in the forward pass"
    RUNNING_STATISTICS = "running_statistics", "batch normalisation layer"
    ZERO_INPUT = "zero_input", "layer whose input is zero"
    CUSTOM_FUNCTION = "custom_function", "hand-written autograd function"
    # the training loop
    CALL = "call", "call"
    MODEL_CALL = "model_call", "call of the model"
    LOSS = "loss", "loss"
    BACKWARD = "backward", "backward pass"
    STEP = "step", "optimizer's step"
    IDLE_LOSS = "idle_loss", "step without a new backward pass"
    SCHEDULER_STEP = "scheduler_step", "scheduler's step"
    CLIP = "clip", "clipping of gradients"
    DERIVATIVE = "derivative", "call of torch.autograd.grad"
    OVERWRITTEN = "overwritten", "assignment of a setting"
    ALTERED_GRADIENT = "altered_gradient", "change of the gradients"
    ALTERED_PARAMETERS = "altered_parameters", "change of the parameters"
    ALTERED_STATE = "altered_state", "change of the optimizer's state"
    LOAD_STATE_DICT = "load_state_dict", "loading of weights"
    AVERAGE_UPDATE = "average_update", "update of the averaged weights"
    LEFT_LOOP = "left_loop", "break of the training loop"
    EXHAUSTED = "exhausted", "loop over an exhausted iterator"
    UNENTERED_LOOP = "unentered_loop", "loop without an iteration"
    UNAVERAGED_BUFFERS = "unaveraged_buffers", "loop that copies parameters but not buffers"
    # calls between the data and the loss
    ON_INPUTS = "on_inputs", "call on the data"
    ON_FETCHED = "on_fetched", "call on the data"
    PREPARED = "prepared", "statement that changes the data"
    SELECTION_BEFORE_SPLIT = "selection_before_split", "fit of the feature selector"
    EXCHANGED = "exchanged", "call on exchanged dimensions"
    ORDER_DEPENDENCE = "order_dependence", "call that does not treat the examples of a batch alike"
    TAKEN_ROWS = "taken_rows", "indexing of the data"
    MIXING = "mixing", "call that mixes the examples of a batch"
    LEAK = "leak", "attention or recurrent layer"
    ON_NETWORK = "on_network", "call within the network"
    HIDDEN_ACTIVATION = "hidden_activation", "hidden activation"
    CLASS_WEIGHTS = "class_weights", "weights of the classes"
    LONE_ENTRY = "lone_entry", "normalisation over a single entry"
    DETACH = "detach", "detach() call"
    CHECKPOINT = "checkpoint", "activation checkpoint"
    OUTPUT = "output", "network's output"
    ACTIVATION = "activation", "output activation"
    DIFFERENCE = "difference", "difference of predictions and targets"
    SINGULAR = "singular", "root or logarithm"
    NOT_FINITE = "not_finite", "call that returns NaN or infinity"
    DIVERGENCE = "divergence", "Kullback-Leibler divergence"
    ON_LOSS = "on_loss", "call between the network and the loss"
    OF_LOSS = "of_loss", "call on the loss"
    LOSS_TERM = "loss_term", "term of the loss"
    SUMMED_TERM = "summed_term", "summed term of the loss"
    REDUCTION = "reduction", "sum that computes the loss"
    PENALTY = "penalty", "penalty in the loss"
    FLOOR = "floor", "call that limits how low the loss can become"
    CROSSING = "crossing", "call that keeps the loss high"
    # evaluation
    EVALUATION = "evaluation", "evaluation"
    EVALUATED = "evaluated", "evaluation"
    DRAWN = "drawn", "call of dropout"
    EVALUATED_COPY = "evaluated_copy", "call of the copy"
    AVERAGE_DECAY = "average_decay", "decay of the averaged weights"
    ON_EVALUATED = "on_evaluated", "call on the evaluation data"
    ON_MEASURED = "on_measured", "call on the network's outputs in evaluation"
    METRIC_COMPUTATION = "metric_computation", "computation of the evaluation metric"
    # the remedies' edits
    FIX = "fix", "proved fix"


SiteKey = tuple[
    SiteKind, str
]  # kind of a place in the source, and the key that distinguishes it from others of this kind
