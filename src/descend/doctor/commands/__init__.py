"""What the command line offers beside the walk: a run watched, something shown of it, exported, applied, explained."""
