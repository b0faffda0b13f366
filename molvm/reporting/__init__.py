"""A run as one page that can be kept, sent and printed. Imports no torch."""

from __future__ import annotations
