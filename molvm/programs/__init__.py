"""Programs that are not molvm's, run in processes that end with it. Imports nothing of molvm but its errors."""

from __future__ import annotations
