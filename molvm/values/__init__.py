"""Value functions V(x, t): one wrapper, one network for each kind of state."""

from molvm.values.base import ValueNet

__all__ = ["ValueNet"]
