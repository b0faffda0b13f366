"""How many atoms the molecules that are drawn have."""

from __future__ import annotations

from typing import Any

import torch

from molvm.errors import ConfigError
from molvm.models.flowmol.keeping import KeepingFlowMol
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.values.base import ValueNet


def sizes_to_draw(
    model: Any, atoms: str | int | None, value: ValueNet | None, *, tilt_size: bool
) -> SizeHistogram | None:
    """The numbers of atoms to draw from; None for those of the model itself.

    Args:
        model: The base model.
        atoms: Which of its sizes, as `SizeHistogram.restricted` reads them; None for all.
        value: What steers, for `tilt_size`.
        tilt_size: Draw a size N in proportion to p(N) Z_N, for the joint law p* of sizes and molecules. Without it the
            sizes keep the law that the base gives them.

    Raises:
        ConfigError: The model has no sizes, or not those; or nothing knows Z_N.
    """
    if atoms is None and not tilt_size:
        return None
    sizes: SizeHistogram | None = getattr(model, "sizes", None)
    if sizes is None:
        raise ConfigError(f"The base model {model.name} has no numbers of atoms to choose from.")
    if isinstance(model, KeepingFlowMol) and atoms is not None:
        _require_room(model, str(atoms))
    chosen = sizes if atoms is None else sizes.restricted(str(atoms))
    if not tilt_size:
        return chosen
    if value is None:
        raise ConfigError(
            f"The base model {model.name} has no control, and so nothing that knows how to tilt sizes.",
            remedy="a run to sample",
        )
    of_size = dict(zip(value.conditions.tolist(), value.log_partitions(), strict=True))
    return chosen.weighted(torch.stack([of_size[size] for size in chosen.sizes]))


def _require_room(model: KeepingFlowMol, atoms: str) -> None:
    """Refuse sizes of which none has room for the part, before anything is drawn.

    Raises:
        ConfigError: The largest is smaller than any molecule with the part.
    """
    largest, part = model.sizes_without_part.restricted(atoms).sizes[-1], model.part
    if largest < part.n_atoms_with_others:
        raise ConfigError(
            f"The scaffold has {part.n_atoms} heavy atoms and {part.n_hydrogens} bonds for others, too many for "
            f"molecules of {largest} atoms.",
            allowed=f"{part.n_atoms_with_others} to {model.sizes.sizes[-1]} atoms",
            remedy="larger molecules, or a smaller scaffold",
        )
