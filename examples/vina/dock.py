"""A docking score as a reward: AutoDock Vina, asked through molvm's `command`.

python dock.py RECEPTOR.pdbqt --centre X Y Z --size X Y Z
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any


class DockingError(Exception):
    """Why a molecule cannot be docked."""


def main() -> None:
    """Answer for the molecule on the standard input, and end: `command` starts a program for each."""
    settings = arguments()
    asked = json.loads(sys.stdin.readline())
    try:
        answer = dock(asked["sdf"], settings)
    except DockingError as error:
        answer = {"failure": str(error)}
    sys.stdout.write(json.dumps({"id": asked["id"], **answer}) + "\n")


def arguments() -> argparse.Namespace:
    """What the command says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("receptor", type=Path, help="rigid receptor, PDBQT")
    parser.add_argument("--centre", nargs=3, type=float, default=[0.0, 0.0, 0.0], help="of the box, Å")
    parser.add_argument("--size", nargs=3, type=float, default=[14.0, 14.0, 14.0], help="of the box, Å")
    parser.add_argument("--exhaustiveness", type=int, default=8, help="independent searches; the time grows with it")
    parser.add_argument("--seed", type=int, default=1, help="of the search, not 0; the same gives the same score")
    parser.add_argument("--grids", type=Path, default=default_grids(), help="folder that keeps the receptor's grids")
    return parser.parse_args()


def default_grids() -> Path:
    """In the user's cache: `command` gives each process a working directory that vanishes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "molvm" / "vina"


def dock(sdf: str, settings: argparse.Namespace) -> dict[str, Any]:
    """The score of the best pose in kcal/mol, and its part that is between receptor and ligand.

    Raises:
        DockingError: The molecule cannot be prepared, or no pose is found.
    """
    ligand = prepared(sdf)
    vina = searcher(settings.seed)
    vina.load_maps(str(grid(settings)))
    try:
        vina.set_ligand_from_string(ligand)
    except TypeError as error:
        raise DockingError(f"Vina does not take the ligand: {' '.join(str(error).split())}") from error
    vina.dock(exhaustiveness=settings.exhaustiveness, n_poses=1)
    poses = vina.energies(n_poses=1)
    if len(poses) == 0:
        raise DockingError("Vina finds no pose")
    return {"value": float(poses[0][0]), "details": {"intermolecular": float(poses[0][1])}}


def prepared(sdf: str) -> str:
    """The ligand as PDBQT, by Meeko: atom types, and which bonds turn.

    Raises:
        DockingError: It is no molecule, or an element has no type.
    """
    from meeko import MoleculePreparation, PDBQTWriterLegacy
    from rdkit import Chem

    mol = Chem.MolFromMolBlock(sdf, removeHs=False)
    if mol is None:
        raise DockingError("RDKit cannot sanitise the molecule")
    text, typed, reason = PDBQTWriterLegacy.write_string(MoleculePreparation().prepare(mol)[0])
    if not typed:
        raise DockingError(f"Meeko has no type for an atom: {' '.join(reason.split())}")
    return str(text)


def grid(settings: argparse.Namespace) -> Path:
    """The prefix of the receptor's grid in its box: computed by the first process that asks, read by all."""
    place = json.dumps([version("vina"), settings.centre, settings.size]).encode()
    folder = settings.grids / hashlib.sha256(settings.receptor.read_bytes() + place).hexdigest()[:32]
    if not folder.exists():
        settings.grids.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.grids, prefix="part-") as part:
            whole = Path(part) / "grid"
            whole.mkdir()
            vina = searcher(settings.seed)
            vina.set_receptor(str(settings.receptor))
            vina.compute_vina_maps(settings.centre, settings.size, force_even_voxels=True)
            vina.write_maps(str(whole / "receptor"))
            publish(whole, folder)
    return folder / "receptor"


def publish(whole: Path, folder: Path) -> None:
    """Give a folder its name, unless another process was faster."""
    try:
        whole.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def searcher(seed: int) -> Any:
    """Vina on one core. It does not refine poses off the grid, for which it would need the receptor each time."""
    from vina import Vina

    return Vina(sf_name="vina", cpu=1, seed=seed, no_refine=True, verbosity=0)


if __name__ == "__main__":
    main()
