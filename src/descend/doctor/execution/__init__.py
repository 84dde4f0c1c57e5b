"""Run the user's script in its own process: start it, fork it, keep it to its window, and end it."""
