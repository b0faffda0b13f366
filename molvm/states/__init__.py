"""What flows: batches of points one can add, scale, perturb and measure."""

from molvm.states.base import Coefficients, State
from molvm.states.lanes import in_lanes, map_in_lanes, pairs_in_lanes, rows_in_lanes
from molvm.states.molecule import MoleculeState
from molvm.states.tensor import TensorState

__all__ = [
    "Coefficients",
    "MoleculeState",
    "State",
    "TensorState",
    "in_lanes",
    "map_in_lanes",
    "pairs_in_lanes",
    "rows_in_lanes",
]
