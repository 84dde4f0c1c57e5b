"""One change to a training script a file: each takes a script and gives it back, edited."""

from descend.remedies.adaptive_rule import adaptive_rule
from descend.remedies.asynchronous_steps import asynchronous_steps
from descend.remedies.attach import attach
from descend.remedies.away_from_zero import away_from_zero
from descend.remedies.backup_workers import backup_workers
from descend.remedies.batch_first import batch_first
from descend.remedies.batch_size import batch_size
from descend.remedies.buffers_too import buffers_too
from descend.remedies.call_argument import call_argument
from descend.remedies.call_backward import call_backward
from descend.remedies.call_step import call_step
from descend.remedies.causal_mask import causal_mask
from descend.remedies.clear_later import clear_later
from descend.remedies.clip_gradients import clip_gradients
from descend.remedies.clip_threshold import clip_threshold
from descend.remedies.constant_rate import constant_rate
from descend.remedies.create_graph import create_graph
from descend.remedies.dropout_rate import dropout_rate
from descend.remedies.evaluate_as_trained import evaluate_as_trained
from descend.remedies.evaluation_mode import evaluation_mode
from descend.remedies.exchange_arguments import exchange_arguments
from descend.remedies.feed_logits import feed_logits
from descend.remedies.hidden_activation import hidden_activation
from descend.remedies.hold_parameters import hold_parameters
from descend.remedies.initialise_recurrent import initialise_recurrent
from descend.remedies.insert_activations import insert_activations
from descend.remedies.insert_normalisation import insert_normalisation
from descend.remedies.keep_order import keep_order
from descend.remedies.learning_rate import learning_rate
from descend.remedies.leave_out import leave_out
from descend.remedies.linear_schedule import linear_schedule
from descend.remedies.local_steps import local_steps
from descend.remedies.loss_reduction import loss_reduction
from descend.remedies.make_layers_once import make_layers_once
from descend.remedies.match_shapes import match_shapes
from descend.remedies.matching_loss import matching_loss
from descend.remedies.mean_reduction import mean_reduction
from descend.remedies.one_rate import one_rate
from descend.remedies.optimizer_argument import optimizer_argument
from descend.remedies.output_activation import output_activation
from descend.remedies.partner_too import partner_too
from descend.remedies.register_layers import register_layers
from descend.remedies.reinitialise import reinitialise
from descend.remedies.relabel import relabel
from descend.remedies.remedy import JudgedOn, Key, Prescription, Remedy
from descend.remedies.remove_normalisation import remove_normalisation
from descend.remedies.rename_weights import rename_weights
from descend.remedies.shuffle import shuffle
from descend.remedies.skip_call import skip_call
from descend.remedies.softmax_dimension import softmax_dimension
from descend.remedies.speed_shares import speed_shares
from descend.remedies.standardise_inputs import standardise_inputs
from descend.remedies.standardise_targets import standardise_targets
from descend.remedies.statistics_momentum import statistics_momentum
from descend.remedies.step_later import step_later
from descend.remedies.step_per_epoch import step_per_epoch
from descend.remedies.train_mode import train_mode
from descend.remedies.training_length import training_length
from descend.remedies.transform import transform
from descend.remedies.transpose import transpose
from descend.remedies.turn_loss import turn_loss
from descend.remedies.turn_mask import turn_mask
from descend.remedies.turn_term import turn_term
from descend.remedies.unfreeze import unfreeze
from descend.remedies.use_autograd import use_autograd
from descend.remedies.weigh_term import weigh_term
from descend.remedies.whiten_inputs import whiten_inputs
from descend.remedies.widen import widen
from descend.remedies.zero_grad import zero_grad
from descend.source.not_applicable import NotApplicable

REMEDIES: dict[str, Remedy] = {
    "adaptive_rule": adaptive_rule,
    "asynchronous_steps": asynchronous_steps,
    "attach": attach,
    "away_from_zero": away_from_zero,
    "backup_workers": backup_workers,
    "batch_first": batch_first,
    "batch_size": batch_size,
    "buffers_too": buffers_too,
    "call_argument": call_argument,
    "call_backward": call_backward,
    "call_step": call_step,
    "causal_mask": causal_mask,
    "clear_later": clear_later,
    "clip_gradients": clip_gradients,
    "clip_threshold": clip_threshold,
    "constant_rate": constant_rate,
    "create_graph": create_graph,
    "dropout_rate": dropout_rate,
    "evaluate_as_trained": evaluate_as_trained,
    "evaluation_mode": evaluation_mode,
    "exchange_arguments": exchange_arguments,
    "feed_logits": feed_logits,
    "hidden_activation": hidden_activation,
    "hold_parameters": hold_parameters,
    "initialise_recurrent": initialise_recurrent,
    "insert_activations": insert_activations,
    "insert_normalisation": insert_normalisation,
    "keep_order": keep_order,
    "learning_rate": learning_rate,
    "leave_out": leave_out,
    "linear_schedule": linear_schedule,
    "local_steps": local_steps,
    "loss_reduction": loss_reduction,
    "make_layers_once": make_layers_once,
    "match_shapes": match_shapes,
    "matching_loss": matching_loss,
    "mean_reduction": mean_reduction,
    "one_rate": one_rate,
    "optimizer_argument": optimizer_argument,
    "output_activation": output_activation,
    "partner_too": partner_too,
    "register_layers": register_layers,
    "reinitialise": reinitialise,
    "relabel": relabel,
    "remove_normalisation": remove_normalisation,
    "rename_weights": rename_weights,
    "shuffle": shuffle,
    "skip_call": skip_call,
    "softmax_dimension": softmax_dimension,
    "speed_shares": speed_shares,
    "standardise_inputs": standardise_inputs,
    "standardise_targets": standardise_targets,
    "statistics_momentum": statistics_momentum,
    "step_later": step_later,
    "step_per_epoch": step_per_epoch,
    "training_length": training_length,
    "train_mode": train_mode,
    "transform": transform,
    "transpose": transpose,
    "turn_loss": turn_loss,
    "turn_mask": turn_mask,
    "turn_term": turn_term,
    "unfreeze": unfreeze,
    "use_autograd": use_autograd,
    "weigh_term": weigh_term,
    "whiten_inputs": whiten_inputs,
    "widen": widen,
    "zero_grad": zero_grad,
}

__all__ = ["REMEDIES", "JudgedOn", "Key", "NotApplicable", "Prescription", "Remedy"]
