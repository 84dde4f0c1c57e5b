"""Somebody's script in a process of its own, under observation."""
