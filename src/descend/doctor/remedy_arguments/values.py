"""The values that the functions in this package return: arguments of a remedy and parts of its label."""

from typing import Any, TypedDict


class Values(TypedDict, total=False):
    """Arguments of a code edit that fixes a problem, and values for the label of the edit. All are optional."""

    activation: str  # an activation's name in torch.nn.functional
    argument: Any  # the name of an optimizer's argument, or the position of an argument in a call
    batch_first: bool
    batch_size: int
    both: str  # positions of two swapped arguments, as text for the label: "1 and 2"
    call: str  # the call that replaces a `view` or `reshape`, such as "transpose(0, 1)"
    decay: float  # weight of the former value in each update of an average of the weights
    default: Any  # value of the argument if the call does not pass it
    dim: int
    divisor: float
    draw: int  # index of a restart with new random weights, starting at 1
    end: float  # factor by which a schedule multiplies the learning rate at its end
    eps: float
    expression: str  # source code of a variable's new value
    factor: float
    feeds: bool  # whether the tensor to be edited reaches the network
    function: str
    grouped: bool  # whether the optimizer has several parameter groups
    ignored: int  # index of the class that the loss ignores
    index: int  # position of an argument, not counting the tensor; -1 if it is passed only by keyword
    is_extra: bool  # whether the names in the checkpoint have the prefix; otherwise, those in the model have it
    is_judged_by_error: bool  # whether the evaluation metric measures the error of predictions
    is_judged_by_likelihood: bool  # whether the evaluation metric may be a likelihood of the targets
    keyword: str
    kind: str  # kind of call or statement to be edited, or of a normalisation layer
    layers: list[str]
    length: int  # number of time steps in an input sequence
    line: int  # number of the edited source line, for the label
    lines: str  # line numbers of all edited source lines, as text for the label
    loader: str  # number of the data loader
    loaders: list[str]
    loss: str  # name of a loss function in torch.nn.functional, or of the variable that holds the loss
    lr: float
    max_norm: float
    method: str  # method of an array that copies it: "clone" or "copy"
    model: str  # the variable that holds the model
    momentum: float
    name: str  # name of the variable that gets a new value
    narrow: list[str]
    of: int  # total number of steps or processes, for a label such as "30 of 100 steps"
    old: Any  # value before the edit, for the label
    operand: str  # the operand of a difference that holds the targets: "left" or "right"
    optimizer: str  # key of the optimizer in the record of the run
    p: float  # dropout rate
    period: int  # number of steps between two averages of the weights over the processes
    place: str  # key, in the record of the run, of the call or statement to be edited
    places: list[str]  # keys, in the record of the run, of all calls or statements to be edited
    prefix: str
    reduction: str
    reshapes: bool  # whether the call precedes a reshape instead of replacing it
    replaced: bool  # whether the script replaced layers of the model during the run
    rule: str  # class name of the new optimizer, such as "LARS"
    shown: str  # relative speeds of the processes, as text for the label
    site: Any  # kind of the call to be edited, or a pair of its kind and its key in the record of the run
    smaller: float  # ratio of the present batch size to the new one
    speeds: list[float]  # speed of each process as a multiple of the slowest process's speed
    start: float  # factor by which a schedule multiplies the learning rate at its start
    steps: int
    times: float  # ratio of the new number of passes over the data to the present one
    units: int
    value: Any
    wanted: int  # number of processes whose gradients a step waits for
