"""Three-dimensional positions for a bond graph."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molvm.errors import MoleculeError

BETWEEN_FRAGMENTS = 3.0
"""Å between atoms of two fragments, at least; RDKit puts the centres of all of them at the origin."""


def embed(mol: Chem.Mol, seed: int, *, seconds: int = 0, attempts: int = 0) -> bool:
    """Give a sanitised molecule a conformer by ETKDGv3 (Wang et al., J. Chem. Inf. Model. 2020, 60, 2044), in place.

    Where none is found, it is tried again from random coordinates. Fragments stand beside one another, in order.

    Args:
        mol: With all its hydrogens.
        seed: Of the random starts.
        seconds: How long RDKit may look, each time; 0 for no limit.
        attempts: How often it may try, each time, the same on every machine; 0 leaves it to RDKit.

    Returns:
        Whether there is one now.

    Raises:
        MoleculeError: RDKit cannot embed this molecule at all.
    """
    # RDKit's stubs give the properties of its parameters the type of the parameters.
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed  # type: ignore[assignment]
    parameters.timeout = seconds  # type: ignore[assignment]
    parameters.maxIterations = attempts  # type: ignore[assignment]
    for random_start in (False, True):
        parameters.useRandomCoords = random_start  # type: ignore[assignment]
        try:
            with _interrupts_kept():
                found = rdDistGeom.EmbedMolecule(mol, parameters)
            if found == 0:
                _set_apart(mol)
                return True
        except (ValueError, RuntimeError) as error:
            raise MoleculeError(f"RDKit cannot embed it: {error}") from error
    return False


def _set_apart(mol: Chem.Mol) -> None:
    """Move each fragment along x until all of it is behind the one before it; the first stays where it is."""
    first, *others = Chem.GetMolFrags(mol)
    if not others:
        return
    positions = np.array(mol.GetConformer().GetPositions())
    behind = positions[list(first), 0].max()
    for atoms in map(list, others):
        positions[atoms, 0] += behind + BETWEEN_FRAGMENTS - positions[atoms, 0].min()
        behind = positions[atoms, 0].max()
    mol.GetConformer().SetPositions(positions)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Ctrl-C waits until the block has ended: RDKit, while it embeds, takes it for itself and tells nobody."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
