"""The best samples of a run, as they are shown: molecules flat and in 3D, images in a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from molvm.chem.depiction import drawing
from molvm.chem.scenes import Scene, still
from molvm.chem.validity import is_valid_and_connected
from molvm.studio.markup import rounded
from molvm.templates import png_address, svg_address

if TYPE_CHECKING:
    from molvm.images import Image

VIEW_HEIGHT: Final = 420
"""Pixels of the 3D picture."""


@dataclass(frozen=True)
class Exhibit:
    """One of the best molecules.

    Args:
        picture: Its flat drawing, as the address of an image.
        scene: What the 3D viewer is told.
        value: Its reward, for people.
        smiles: Canonical, or empty.
        note: Formula, validity, the round in which it was made, and its id.
    """

    picture: str
    scene: Scene
    value: str
    smiles: str
    note: str


def exhibits(records: Sequence[Any], unit: str) -> list[Exhibit]:
    """The molecules of the records, in order."""
    return [_exhibit(record, unit) for record in records]


def _exhibit(record: Any, unit: str) -> Exhibit:
    molecule = record.molecule
    valid = "valid, in one piece" if is_valid_and_connected(molecule) else "not strictly valid"
    return Exhibit(
        picture=svg_address(drawing(molecule)),
        scene=still(molecule, height=VIEW_HEIGHT),
        value=f"{rounded(record.value)} {unit}".strip(),
        smiles=record.smiles or "",
        note=f"{molecule.formula} · {valid} · round {record.iteration} · {molecule.id}",
    )


def image_grid(records: Sequence[Any]) -> str:
    """The images of the records side by side, as the address of an image; empty for none."""
    from molvm.images.files import grid_of

    images = [record.image for record in records]
    return picture_of(grid_of(images)) if images else ""


def picture_of(image: Image) -> str:
    """The address of an image."""
    from molvm.images.files import png_bytes

    return png_address(png_bytes(image))
