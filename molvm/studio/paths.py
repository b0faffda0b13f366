"""Drawn paths from noise to a molecule, as `molvm trajectory` leaves them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from molvm.chem.io import read_molecules
from molvm.chem.molecule import Molecule
from molvm.chem.scenes import Scene, film
from molvm.errors import InputFileError

TIME, VALUE = "t", "V"
"""The fields of a frame: its time, and V in nats where something steers."""


@dataclass(frozen=True, eq=False)
class DrawnPath:
    """One path.

    Args:
        frames: The states, decoded; the last one is the molecule.
        times: From 0 to 1.
        values: V(x, t) in nats at each; None for a base model.
    """

    frames: tuple[Molecule, ...]
    times: tuple[float, ...]
    values: tuple[float, ...] | None

    @property
    def molecule(self) -> Molecule:
        """Where it ends."""
        return self.frames[-1]

    def scene(self, height: int = 460) -> Scene:
        """What the viewer is told."""
        return film(self.frames, self.times, self.values, height)


def read_path(path: Path) -> DrawnPath:
    """The path in an SD file of `molvm trajectory`.

    Raises:
        InputFileError: It cannot be read, or is no such file.
    """
    records = [record for record in read_molecules(path, as_written=True) if record.molecule is not None]
    try:
        times = tuple(float(record.properties[TIME]) for record in records)
        valued = [float(record.properties[VALUE]) for record in records if VALUE in record.properties]
    except (KeyError, ValueError) as error:
        raise InputFileError(f"{path.name} is no path.", allowed="what `molvm trajectory` writes") from error
    if len(times) < 2 or not all(map(math.isfinite, [*times, *valued])):
        raise InputFileError(f"{path.name} is no path.", allowed="what `molvm trajectory` writes")
    molecules = tuple(record.molecule for record in records if record.molecule is not None)
    return DrawnPath(molecules, times, tuple(valued) if len(valued) == len(times) else None)


def path_file(folder: Path, source: str, *, seed: int, steps: int, atoms: int, free: bool) -> Path:
    """Where the studio keeps a path: a name that all of what decides it is in.

    Args:
        folder: Of the studio's own files.
        source: Name of the base model, or of the run with its version: it may go on.
        seed: Of all randomness.
        steps: From noise to data.
        atoms: Their number; 0 for as the base draws it.
        free: Whether nothing steers.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    return folder / "paths" / f"path-{digest}-{seed}-{steps}-{atoms}{'-base' if free else ''}.sdf"


def trajectory_arguments(source: str, out: Path, *, seed: int, steps: int, atoms: int, free: bool) -> list[str]:
    """How `molvm` is called to draw it."""
    argv = ["trajectory", source, "--out", str(out), "--seed", str(seed), "--steps", str(steps)]
    argv += ["--atoms", str(atoms)] if atoms else []
    return [*argv, *(["--guidance", "0"] if free else [])]
