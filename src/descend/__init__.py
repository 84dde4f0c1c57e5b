"""Finds out why a neural network isn't training, and proves the fix."""

__version__ = "0.1.0"
