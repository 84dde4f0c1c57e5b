"""Inside the script's own process: torch's hooks, what they make of a step, and the probes that look closer."""
