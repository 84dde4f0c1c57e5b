"""How a run went, read once for all who ask: what is left of its cost, whether it suffers, what its own numbers say."""
