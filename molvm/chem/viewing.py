"""The 3D viewer: its scripts, a frame with it, and a molecule as a notebook shows it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from molvm.chem.depiction import drawing
from molvm.chem.molecule import Molecule
from molvm.chem.scenes import Scene, still
from molvm.templates import policy, rendered, svg_address

FOLDER: Final = Path(__file__).parent / "viewer"
"""3Dmol.js, vendored with its licence and checksum, and what draws scenes with it."""

NOTEBOOK_HEIGHT: Final = 280
"""Pixels of the 3D picture in a notebook."""

SHOW: Final = 'molvmDraw(document.getElementById("scene"), JSON.parse(document.getElementById("told").textContent));'


@cache
def scripts() -> tuple[str, ...]:
    """3Dmol.js, then what draws scenes with it."""
    return tuple((FOLDER / name).read_text(encoding="utf-8") for name in ("3Dmol-min.js", "viewer.js"))


@cache
def style() -> str:
    """The viewer's style sheet."""
    return (FOLDER / "viewer.css").read_text(encoding="utf-8")


def frame_html(scene: Scene) -> str:
    """A frame with the viewer in it, which needs no network and cannot reach the page around it; half a megabyte."""
    from markupsafe import Markup

    code = (*scripts(), SHOW)
    page = rendered(
        FOLDER / "page.html.j2",
        scene=scene,
        policy=policy(code),
        scripts=[Markup(script) for script in code],  # noqa: S704 - files of this package
        style=Markup(style()),  # noqa: S704
    )
    return rendered(FOLDER / "frame.html.j2", page=page, height=scene["height"] + 16)


def molecule_html(molecule: Molecule) -> str:
    """A molecule flat and in 3D, for a notebook."""
    from markupsafe import Markup

    return rendered(
        FOLDER / "molecule.html.j2",
        picture=svg_address(drawing(molecule)),
        name=molecule.id,
        formula=molecule.formula,
        atoms=molecule.n_atoms,
        smiles=molecule.smiles() or "not a molecule to RDKit",
        frame=Markup(frame_html(still(molecule, height=NOTEBOOK_HEIGHT))),  # noqa: S704 - made of numbers and elements
    )
