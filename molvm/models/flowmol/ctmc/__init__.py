"""FlowMol with tokens: positions flow, while types, charges and bonds jump from a mask to their classes."""
