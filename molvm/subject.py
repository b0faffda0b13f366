"""What a model makes and a reward judges."""

from __future__ import annotations

from typing import Literal

Subject = Literal["molecules", "images"]
