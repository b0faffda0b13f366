"""How much a generated geometry gives way when it is relaxed."""

from __future__ import annotations

from dataclasses import dataclass, field

from molvm.chem.molecule import Molecule
from molvm.chem.relax import Criteria
from molvm.chem.relaxers import Relaxer
from molvm.chem.superpose import superposed_rmsd
from molvm.chem.validity import GEOMETRY, STRICT, Check, Gate, check_xtb_elements
from molvm.rewards.base import Direction, MoleculeReward, Outcome
from molvm.rewards.stages import StageFailure, converged, pass_gate
from molvm.rewards.strain import strain_energy

GATE = STRICT + GEOMETRY + Gate((Check("xtb elements", "rejected", check_xtb_elements),))

RMSD_ALL, RMSD_HEAVY, TOPOLOGY_KEPT = "rmsd_all", "rmsd_heavy", "topology_kept"
"""The details of an outcome."""


@dataclass(frozen=True)
class Strain(MoleculeReward):
    """The energy in kcal/mol that GFN-FF takes out of a molecule on its way to the next minimum.

    A reward, so that a pool can evaluate it: a crash or a hang costs one molecule. FlowMol3 asks GFN2-xTB the same
    question; GFN-FF's answer is another number.

    Args:
        criteria: When the relaxation is converged.
    """

    name: str = "strain"
    unit: str = "kcal/mol"
    direction: Direction = "minimise"
    floor: float | None = None
    criteria: Criteria = field(default_factory=Criteria)

    def evaluate(self, molecule: Molecule) -> Outcome:
        """The strain, or the check or step that the molecule did not pass.

        The details are `rmsd_all` and, if there is a heavy atom, `rmsd_heavy` (Å, `superposed_rmsd`), and
        `topology_kept`: 1 if the relaxed distances still show the molecule's bonds and no others, else 0.
        """
        try:
            pass_gate(molecule, GATE)
            relaxation = converged(molecule, Relaxer("gfnff", self.criteria))
        except StageFailure as failed:
            return self.fail(molecule, failed.failure.kind, failed.failure.stage, failed.failure.reason)
        drop = strain_energy(relaxation)
        moved = {
            RMSD_ALL: superposed_rmsd(molecule, relaxation.positions),
            RMSD_HEAVY: superposed_rmsd(molecule, relaxation.positions, hydrogens=False),
            TOPOLOGY_KEPT: float(not relaxation.changed_bonds),
        }
        return self.succeed(molecule, drop, {name: value for name, value in moved.items() if value is not None})
