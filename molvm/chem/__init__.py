"""Chemistry without torch: molecules, validity, relaxation, engines and files."""

from __future__ import annotations
