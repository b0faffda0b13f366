"""What a dataset's training molecules look like: the distributions samples are compared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from molvm.datasets.store import MoleculeDataset
from molvm.errors import EvaluationError, UnknownNameError
from molvm.evaluation.distributions import Bins
from molvm.evaluation.energy import energy_histogram, mmff_energy
from molvm.evaluation.quantities import COMPARED, QUANTITIES
from molvm.evaluation.strain import Strain
from molvm.evaluation.valency_tables import load_valency_table
from molvm.evaluation.verdict import Verdict, examine

REFERENCE_NAMES: Final = ("drugs", "geom", "qm9")
# Molecules between two calls of the progress callback.
REPORT_EVERY: Final = 500

DESCRIBED: Final = 10_000
"""Molecules whose QED, logP and synthetic accessibility are computed for a reference."""

RELAXED: Final = 1_000
"""Molecules that are relaxed for a reference; the first of those that are described."""


@dataclass(frozen=True)
class Reference:
    """Distributions over the molecules of a training split.

    Attributes:
        name: The dataset's name.
        molecules: How many molecules it was made from.
        sizes: Share of the molecules by atom count.
        elements: Share of the atoms by atomic number.
        energies: float64 (199,), MMFF94 histogram as from `energy_histogram`.
        properties: Name of a quantity to float64 (bins,), shares in its bins (`molvm.evaluation.quantities`), over a
            random sample of the molecules; empty for a reference without.
    """

    name: str
    molecules: int
    sizes: Mapping[int, float]
    elements: Mapping[int, float]
    energies: npt.NDArray[np.float64]
    properties: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)


def load_reference(name: str) -> Reference:
    """The packaged reference of a dataset: "qm9", "drugs", or "geom" (as FlowMol publishes it, without properties).

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
            properties=_properties(document.get("properties", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(f"This is no reference distribution: {error!r}.") from error


def derive_reference(
    dataset: MoleculeDataset,
    split: str = "train",
    progress: Callable[[int, int], None] | None = None,
    *,
    described: int = DESCRIBED,
    relaxed: int = RELAXED,
    seed: int = 0,
) -> dict[str, Any]:
    """Counts sizes and elements of a split, and computes MMFF94 energies, and the properties of a sample of it.

    Half a millisecond for an energy, two for the descriptors, 5 to 100 for a relaxation.

    Args:
        dataset: Whose molecules.
        split: Which of them.
        progress: Called with (molecules done, molecules in all) now and then, while energies are computed.
        described: Of how many molecules, drawn at random, the descriptors are computed.
        relaxed: How many of these are relaxed too.
        seed: Of the draw.

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
        "properties_source": f"numpy.random.default_rng({seed}).permutation, the first {described}; {relaxed} relaxed",
        "properties": _derived_properties(_sampled_verdicts(chosen, described, relaxed, seed)),
    }


def _sampled_verdicts(chosen: MoleculeDataset, described: int, relaxed: int, seed: int) -> list[Verdict]:
    strain, table = Strain(), load_valency_table("midi")
    verdicts = []
    for place, index in enumerate(np.random.default_rng(seed).permutation(len(chosen))[:described].tolist()):
        molecule = chosen.molecule(index)
        verdict = examine(molecule, table, energies=False)
        verdicts.append(replace(verdict, strain=strain.outcome(molecule)) if place < relaxed else verdict)
    return verdicts


def _derived_properties(verdicts: list[Verdict]) -> dict[str, Any]:
    found = {one.name: one.values(verdicts) for one in QUANTITIES if one.name in COMPARED}
    return {name: _binned(values, COMPARED[name]) for name, values in found.items() if values}


def _binned(values: list[float], bins: Bins) -> dict[str, Any]:
    return {
        "defined": len(values),
        "edges": f"numpy.linspace({bins.start:g}, {bins.stop:g}, {bins.number + 1})",
        "counts": bins.count(values).tolist(),
    }


def _properties(document: Mapping[str, Any]) -> dict[str, npt.NDArray[np.float64]]:
    found = {}
    for name, entry in document.items():
        counts = np.asarray(entry["counts"], dtype=np.float64)
        if counts.shape != (COMPARED[name].number,) or not counts.sum() > 0:
            raise ValueError(f"{name!r} has {counts.shape} bins")
        found[name] = counts / counts.sum()
    return found


def _shares(counts: Mapping[str, int]) -> dict[int, float]:
    total = sum(counts.values())
    if total <= 0:
        raise ValueError("the counts sum to nothing")
    return {int(key): count / total for key, count in counts.items()}
