"""What the texts claim about training, measured: `descend claims`. Each file in `gallery` is one claim."""
