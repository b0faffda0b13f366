"""Runs: one schema of settings, run directories, resuming, sampling and scoring.

Nothing is imported here: scoring a file must not load torch.
"""

from __future__ import annotations
