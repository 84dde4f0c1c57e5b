"""Callbacks that add `descend.watch` to the `Trainer` of a framework."""
