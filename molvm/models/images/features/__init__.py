"""Networks that describe images by numbers, for metrics; their weights are read from this machine alone."""
