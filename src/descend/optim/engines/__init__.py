"""Implementations of a step: a generated C or CUDA kernel, torch operations tensor by tensor, or foreach calls."""
