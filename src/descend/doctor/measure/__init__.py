"""The measurements, one per file. Only the process of the observed script imports this package."""

from descend.doctor.measure.activations import activations
from descend.doctor.measure.batch import batch
from descend.doctor.measure.class_weights import class_weights
from descend.doctor.measure.connections import connections
from descend.doctor.measure.constant_term import constant_term
from descend.doctor.measure.curvature import curvature
from descend.doctor.measure.dimensions import dimensions
from descend.doctor.measure.drawn_rows import drawn_rows
from descend.doctor.measure.duplicate_units import duplicate_units
from descend.doctor.measure.editable_calls import editable_calls
from descend.doctor.measure.equivariance import equivariance
from descend.doctor.measure.gradient import gradient, update_ratio
from descend.doctor.measure.gradient_blocking import gradient_blocking
from descend.doctor.measure.gradient_noise import gradient_noise
from descend.doctor.measure.gradients import gradients
from descend.doctor.measure.independence import independence
from descend.doctor.measure.inputs import inputs
from descend.doctor.measure.kl_div_input import kl_div_input
from descend.doctor.measure.loss_input import loss_input
from descend.doctor.measure.masked_nonfinite import masked_nonfinite
from descend.doctor.measure.mixed_reductions import mixed_reductions
from descend.doctor.measure.mixing import mixing
from descend.doctor.measure.monitored_loss import monitored_loss, spread_evaluation_metric
from descend.doctor.measure.not_finite import not_finite
from descend.doctor.measure.origins import origins
from descend.doctor.measure.pairing import pairing
from descend.doctor.measure.reachability import reachability
from descend.doctor.measure.running_statistics import running_statistics
from descend.doctor.measure.self_sampled_loss import self_sampled_loss
from descend.doctor.measure.self_selected_loss import self_selected_loss
from descend.doctor.measure.shown import SHOWN
from descend.doctor.measure.singular import singular
from descend.doctor.measure.snapshot import Probe, Snapshot, Unavailable
from descend.doctor.measure.target_covariance import target_covariance
from descend.doctor.measure.target_leakage import target_leakage
from descend.doctor.measure.term_balance import term_balance
from descend.doctor.measure.through_time import through_time
from descend.doctor.measure.widths import widths
from descend.doctor.measure.zero_input import zero_input

CURVATURE = Probe("curvature", "loss per squared parameter unit", curvature, differentiates=True, dear=True)

# The measurements run in this order, because the curvature needs the statistics of the inputs.
PROBES = (
    Probe("loss_input", "", loss_input, wiring=True),
    Probe("not finite", "", not_finite, once=True),
    Probe("left out", "", masked_nonfinite, once=True),
    Probe("batch", "", batch),
    Probe("connections", "", connections, differentiates=True, once=True, wiring=True),
    Probe("divergence", "", kl_div_input, once=True, wiring=True),
    Probe("constant term", "", constant_term, once=True, wiring=True),
    Probe("mixed reductions", "", mixed_reductions, once=True, wiring=True),
    Probe("editable calls", "", editable_calls, for_trials=True, once=True),
    Probe("balance", "gradient norm", term_balance, differentiates=True, for_trials=True, once=True),
    Probe("blocking", "share of the gradient", gradient_blocking, differentiates=True, for_trials=True, once=True),
    Probe("class weights", "", class_weights, once=True),
    Probe("pairing", "", pairing, once=True),
    Probe("origins", "", origins, once=True),
    Probe("equivariance", "", equivariance, once=True),
    Probe("widths", "units", widths, once=True),
    Probe("zero input", "", zero_input, once=True),
    Probe("self-sampled loss", "", self_sampled_loss, once=True),
    Probe("selected examples", "", self_selected_loss, once=True),
    Probe("mixing", "", mixing, once=True),
    Probe("dimensions", "", dimensions, once=True),
    Probe("singular", "", singular, once=True),
    Probe("leak", "", target_leakage, once=True),
    Probe("inputs", "the inputs' own unit", inputs, once=True),
    Probe("signal", "", independence, once=True),
    Probe("answers", "", target_covariance),
    Probe("gradient", "loss per parameter unit", gradient),
    Probe("through_time", "share of the largest", through_time, differentiates=True, once=True),
    Probe("duplicate units", "share of units", duplicate_units),
    Probe("activations", "share of units", activations),
    Probe("monitored_loss", "loss", monitored_loss),
    Probe("running statistics", "loss", running_statistics),
    CURVATURE,
    Probe("gradient_noise", "examples", gradient_noise, differentiates=True, dear=True),
    Probe("reachability", "loss", reachability, differentiates=True, dear=True, for_trials=True, at_end=True),
)

# These measurements run at the end of the run. The first uses batches later than the fixed examples, the second all.
SPREAD = Probe("spread_metric", "loss", spread_evaluation_metric)
DRAWN = Probe("drawn rows", "", drawn_rows)

# `descend gradcheck` makes only this measurement.
GRADIENTS = (Probe("gradients", "share of the finite difference", gradients, differentiates=True, once=True),)

__all__ = ["CURVATURE", "GRADIENTS", "PROBES", "SHOWN", "SPREAD", "Snapshot", "Probe", "Unavailable", "update_ratio"]
