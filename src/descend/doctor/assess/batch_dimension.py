"""Layers whose batch dimension depends on the argument `batch_first`."""

LAYERS = frozenset({"recurrence", "attention"})  # kinds of layers that have the argument `batch_first`
