"""Which noise goes with which molecule in training: any, or one permuted and turned to lie near it (FlowMol)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from molvm.states import MoleculeState

Coupling = Literal["independent", "aligned"]


def aligned_noise(noise: MoleculeState, data: MoleculeState) -> MoleculeState:
    """The noise with the positions of each molecule reordered and rotated towards the data; classes stay as they are.

    Paths become straighter, but what x_t says of x₁ is no longer what the score of a Gaussian prior presumes.

    Args:
        noise: Draws of the prior, without padding.
        data: Molecules of the same sizes, positions centred.
    """
    pairs = zip(noise.positions, data.positions, strict=True)
    return noise.replace({**noise.parts, "positions": torch.stack([align(one, other) for one, other in pairs])})


def align(noise: Tensor, data: Tensor) -> Tensor:
    """Positions (n, 3) reordered by the cheapest assignment, then turned or mirrored onto the data (Kabsch).

    As upstream has it: the cost of a pair is its distance, not its square, and a reflection is not excluded.

    Args:
        noise: Centred positions of the prior.
        data: Centred positions of the molecule.
    """
    _, order = linear_sum_assignment(torch.cdist(data, noise).numpy())
    reordered = noise[torch.from_numpy(np.asarray(order))]
    u, _, vh = torch.linalg.svd(reordered.T @ data)
    turned: Tensor = reordered @ u @ vh
    return turned
