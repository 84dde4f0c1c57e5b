"""Which of several choices trains a script best: each is tuned with an equal budget, then run on fresh seeds."""
