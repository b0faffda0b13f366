"""Three-dimensional positions for a bond graph."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molvm.errors import MoleculeError


def embed(mol: Chem.Mol, seed: int, *, seconds: int = 0, attempts: int = 0) -> bool:
    """Give a sanitised molecule a conformer by ETKDGv3 (Wang et al., J. Chem. Inf. Model. 2020, 60, 2044), in place.

    Where none is found, it is tried again from random coordinates.

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
                return True
        except (ValueError, RuntimeError) as error:
            raise MoleculeError(f"RDKit cannot embed it: {error}") from error
    return False


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Ctrl-C waits until the block has ended: RDKit, while it embeds, takes it for itself and tells nobody."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
