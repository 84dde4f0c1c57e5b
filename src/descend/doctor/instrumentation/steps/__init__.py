"""What is recorded of every step: the loss, the learning rate, the optimizer it belongs to, and the time it takes."""
