"""What a dataset's training molecules look like: the distributions samples are compared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from molvm.datasets.store import MoleculeDataset
from molvm.errors import EvaluationError, UnknownNameError
from molvm.evaluation.energy import energy_histogram, mmff_energy

REFERENCE_NAMES: Final = ("qm9",)
# Molecules between two calls of the progress callback.
REPORT_EVERY: Final = 500


@dataclass(frozen=True)
class Reference:
    """Distributions over the molecules of a training split.

    Attributes:
        name: The dataset's name.
        molecules: How many molecules it was made from.
        sizes: Share of the molecules by atom count.
        elements: Share of the atoms by atomic number.
        energies: float64 (199,), MMFF94 histogram as from `energy_histogram`.
    """

    name: str
    molecules: int
    sizes: Mapping[int, float]
    elements: Mapping[int, float]
    energies: npt.NDArray[np.float64]


def load_reference(name: str) -> Reference:
    """The packaged reference of a dataset.

    Raises:
        UnknownNameError: There is none of that name.
    """
    if name not in REFERENCE_NAMES:
        raise UnknownNameError("reference distribution", name, REFERENCE_NAMES)
    text = resources.files("molvm.evaluation").joinpath(f"tables/reference_{name}.json").read_text(encoding="utf-8")
    return parse_reference(json.loads(text))


def parse_reference(document: Mapping[str, Any]) -> Reference:
    """Reads a reference from the JSON document that `derive_reference` makes.

    Raises:
        EvaluationError: The document is no reference.
    """
    try:
        return Reference(
            name=str(document["name"]),
            molecules=int(document["molecules"]),
            sizes=_shares(document["sizes"]),
            elements=_shares(document["elements"]),
            energies=np.asarray(document["energy_shares"], dtype=np.float64),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(f"This is no reference distribution: {error!r}.") from error


def derive_reference(
    dataset: MoleculeDataset, split: str = "train", progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Counts sizes and elements and computes the MMFF94 energies of a split (half a millisecond a molecule).

    Args:
        dataset: Whose molecules.
        split: Which of them.
        progress: Called with (molecules done, molecules in all) now and then.

    Returns:
        A document for `parse_reference`.

    Raises:
        EvaluationError: No molecule of the split has an energy within the histogram.
    """
    chosen = dataset.subset(split)
    energies = []
    for index in range(len(chosen)):
        energy = mmff_energy(chosen.molecule(index))
        if energy is not None:
            energies.append(energy)
        if progress is not None and ((index + 1) % REPORT_EVERY == 0 or index + 1 == len(chosen)):
            progress(index + 1, len(chosen))
    shares = energy_histogram(energies)
    sizes, counts = chosen.size_histogram()
    elements = np.bincount(chosen.types, minlength=len(dataset.elements))
    return {
        "name": str(dataset.manifest["name"]),
        "source": f"{split} split, {len(chosen)} molecules, {len(energies)} with an MMFF94 energy",
        "molecules": len(chosen),
        "sizes": {str(size): count for size, count in zip(sizes.tolist(), counts.tolist(), strict=True)},
        "elements": {
            str(number): count for number, count in zip(dataset.atomic_numbers.tolist(), elements.tolist(), strict=True)
        },
        "energy_edges": "numpy.linspace(-200, 500, 200), kcal/mol",
        "energy_shares": [float(f"{share:.6g}") for share in shares],
    }


def _shares(counts: Mapping[str, int]) -> dict[int, float]:
    total = sum(counts.values())
    if total <= 0:
        raise ValueError("the counts sum to nothing")
    return {int(key): count / total for key, count in counts.items()}
