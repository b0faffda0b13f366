"""How figures from path weights are to be read; of the studio and of reports, which need no pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from molvm.subject import Subject

CONDITIONS: Final[Mapping[Subject, str]] = {"molecules": "number of atoms", "images": "class or prompt"}
"""What path weights are compared within (molvm.objectives.diagnostics)."""


def of_path_weights(makes: Subject) -> str:
    """How figures from path weights are to be read: said where they are shown."""
    return (
        f"within each {CONDITIONS[makes]} of a round, then averaged. Of n {makes} the effective share is 1/n at least: "
        f"with few of the same {CONDITIONS[makes]} it is high by construction"
    )
