"""Training: the time of a step, what it holds in memory, the best layout of the chips."""
