"""To and from the data structures and programs of others; one file each, imported when it is asked for."""

from __future__ import annotations
