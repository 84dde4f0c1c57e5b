"""What is read of every step: whose pass it was, the losses and rates, at what cost in time."""
