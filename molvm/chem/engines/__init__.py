"""Force fields and semi-empirical single points, in process and single-threaded. They speak atomic units."""

from __future__ import annotations
