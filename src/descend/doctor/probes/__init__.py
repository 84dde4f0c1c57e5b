"""One measurement a file. Only the observed script's own process imports this room."""

from descend.doctor.probes.activations import activations
from descend.doctor.probes.answers import answers
from descend.doctor.probes.balance import balance
from descend.doctor.probes.batch import batch
from descend.doctor.probes.blocking import blocking
from descend.doctor.probes.connections import connections
from descend.doctor.probes.constant_term import constant_term
from descend.doctor.probes.curvature import curvature
from descend.doctor.probes.dimensions import dimensions
from descend.doctor.probes.divergence import divergence
from descend.doctor.probes.duplicate_units import duplicate_units
from descend.doctor.probes.gradient import gradient, update_ratio
from descend.doctor.probes.gradient_noise import gradient_noise
from descend.doctor.probes.gradients import gradients
from descend.doctor.probes.inputs import inputs
from descend.doctor.probes.loss_input import loss_input
from descend.doctor.probes.masked_nonfinite import masked_nonfinite
from descend.doctor.probes.mixed_reductions import mixed_reductions
from descend.doctor.probes.mixing import mixing
from descend.doctor.probes.monitored_loss import monitored_loss, spread_yardstick
from descend.doctor.probes.moved_examples import moved_examples
from descend.doctor.probes.not_finite import not_finite
from descend.doctor.probes.on_the_way import on_the_way
from descend.doctor.probes.own_selection import own_selection
from descend.doctor.probes.pairing import pairing
from descend.doctor.probes.reachability import reachability
from descend.doctor.probes.running_statistics import running_statistics
from descend.doctor.probes.self_sampled_loss import self_sampled_loss
from descend.doctor.probes.shown import SHOWN
from descend.doctor.probes.signal import signal
from descend.doctor.probes.singular import singular
from descend.doctor.probes.snapshot import Probe, Snapshot, Unavailable
from descend.doctor.probes.target_leakage import target_leakage
from descend.doctor.probes.through_time import through_time
from descend.doctor.probes.widths import widths
from descend.doctor.probes.zero_input import zero_input

CURVATURE = Probe("curvature", "loss per squared parameter unit", curvature, differentiates=True, dear=True)

# In the order they are taken: the curvature needs the inputs' statistics.
PROBES = (
    Probe("loss_input", "", loss_input),
    Probe("not finite", "", not_finite, once=True),
    Probe("left out", "", masked_nonfinite, once=True),
    Probe("batch", "", batch),
    Probe("connections", "", connections, differentiates=True, once=True),
    Probe("divergence", "", divergence, once=True),
    Probe("constant term", "", constant_term, once=True),
    Probe("mixed reductions", "", mixed_reductions, once=True),
    Probe("on the way", "", on_the_way, for_trials=True, once=True),
    Probe("balance", "gradient norm", balance, differentiates=True, for_trials=True, once=True),
    Probe("blocking", "share of the gradient", blocking, differentiates=True, for_trials=True, once=True),
    Probe("pairing", "", pairing, once=True),
    Probe("moved examples", "", moved_examples, once=True),
    Probe("widths", "units", widths, once=True),
    Probe("zero input", "", zero_input, once=True),
    Probe("own draws", "", self_sampled_loss, once=True),
    Probe("own selection", "", own_selection, once=True),
    Probe("mixing", "", mixing, once=True),
    Probe("dimensions", "", dimensions, once=True),
    Probe("singular", "", singular, once=True),
    Probe("leak", "", target_leakage, once=True),
    Probe("inputs", "the inputs' own unit", inputs, once=True),
    Probe("signal", "", signal, once=True),
    Probe("answers", "", answers),
    Probe("gradient", "loss per parameter unit", gradient),
    Probe("through_time", "share of the largest", through_time, differentiates=True, once=True),
    Probe("twins", "share of units", duplicate_units),
    Probe("activations", "share of units", activations),
    Probe("monitored_loss", "loss", monitored_loss),
    Probe("running statistics", "loss", running_statistics),
    CURVATURE,
    Probe("gradient_noise", "examples", gradient_noise, differentiates=True, dear=True),
    Probe("reachability", "loss", reachability, differentiates=True, dear=True, for_trials=True, at_end=True),
)

# Taken at the end, on later batches than the monitor's.
SPREAD = Probe("spread_yardstick", "loss", spread_yardstick)

# What `descend gradcheck` takes, and nothing else.
GRADIENTS = (Probe("gradients", "share of the finite difference", gradients, differentiates=True, once=True),)

__all__ = ["CURVATURE", "GRADIENTS", "PROBES", "SHOWN", "SPREAD", "Snapshot", "Probe", "Unavailable", "update_ratio"]
