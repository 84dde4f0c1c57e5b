"""Somebody's script in a process of its own: how it is started, forked, kept to its window and ended."""
