"""Samples of a base and of a run from the same noise, as `molvm sample` leaves them."""

from __future__ import annotations

import hashlib
from itertools import zip_longest
from pathlib import Path

from molvm.chem.io import read_molecules
from molvm.chem.molecule import Molecule


def pair_files(folder: Path, run: str, *, seed: int, count: int) -> tuple[Path, Path]:
    """Where the studio keeps those of the base and those of the run.

    Args:
        folder: Of the studio's own files.
        run: Name of the run with its version: it may go on.
        seed: Of all randomness.
        count: How many pairs.
    """
    stem = f"pairs-{hashlib.sha256(run.encode()).hexdigest()[:12]}-{seed}-{count}"
    return folder / "pairs" / f"{stem}-base.sdf", folder / "pairs" / f"{stem}-run.sdf"


def pair_arguments(run: str, out: Path, *, seed: int, count: int, guidance: float) -> list[str]:
    """How `molvm` is called to draw one side: the noise does not depend on the guidance."""
    return ["sample", run, "-n", str(count), "--seed", str(seed), "--guidance", f"{guidance:g}", "--out", str(out)]


def image_pairs_folder(folder: Path, run: str, *, seed: int, count: int) -> Path:
    """Where the studio keeps images of base and run; arguments as for `pair_files`."""
    return pair_files(folder, run, seed=seed, count=count)[1].with_suffix("")


def image_pair_arguments(run: str, out: Path, *, seed: int, count: int) -> list[str]:
    """How `molvm` is called to draw images of base and run, whose grid shows one above the other."""
    return ["sample", run, "--pairs", "-n", str(count), "--seed", str(seed), "--out", str(out)]


def pairs(base: Path, steered: Path) -> list[tuple[Molecule | None, Molecule | None]]:
    """The molecules of both files, one beside the other.

    Raises:
        InputFileError: One cannot be read.
    """
    left, right = ([record.molecule for record in read_molecules(path, as_written=True)] for path in (base, steered))
    return list(zip_longest(left, right))
