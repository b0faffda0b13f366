"""Base models: what they offer, how their predictions convert, and exact ones to test against."""

from molvm.models.base import FlowModel

__all__ = ["FlowModel"]
