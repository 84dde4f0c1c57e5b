"""The update rules and their optimizers, one per file."""
