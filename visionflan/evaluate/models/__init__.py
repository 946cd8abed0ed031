"""Models to evaluate: the protocol, a checkpoint, and a cache of answers in front of either."""
