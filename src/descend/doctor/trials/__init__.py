"""Trials: apply remedies to the script, run it again, and prove which of them fixes the training."""
