"""FlowMol's published checkpoints: which there are, how they are read, what becomes of them."""
