"""A reward that untrained models can earn: how far the atoms are from the origin, 0 to 1. Crowded molecules fail."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from molvm.chem.molecule import Molecule
from molvm.rewards.base import Direction, MoleculeReward, Outcome

CROWDED = 0.5


@dataclass(frozen=True)
class Spread(MoleculeReward):
    name: str = "spread"
    unit: str = "spreads"
    direction: Direction = "maximise"
    floor: float | None = 0.0

    def evaluate(self, molecule: Molecule) -> Outcome:
        spread = float(np.linalg.norm(molecule.positions, axis=1).mean())
        if spread < CROWDED:
            return self.fail(molecule, "rejected", "crowded", f"{spread:.2f} is too small")
        return self.succeed(molecule, spread / (1 + spread))


@dataclass(frozen=True)
class Sleepy(Spread):
    """Takes a minute for a molecule."""

    def evaluate(self, molecule: Molecule) -> Outcome:
        time.sleep(60)
        return super().evaluate(molecule)


spread = Spread()
sleepy = Sleepy()
compact = Spread(name="compact", direction="minimise", floor=None)
hopeless = Spread(name="hopeless", floor=None)
