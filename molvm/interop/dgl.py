"""To and from the DGL graphs of upstream FlowMol. It needs the extra `dgl`.

DGL is no longer released. Its last version works beside a current torch once the part of it that does not is kept out:
`import_dgl` does that.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Literal

import torch

from molvm.chem.molecule import Molecule
from molvm.errors import InteropError, MissingDependencyError
from molvm.interop.complete_graph import complete_graph, flat_parts, graph_of_edges, state_of_flat
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.decode import decode_molecules
from molvm.models.flowmol.encode import encode_molecules
from molvm.states import MoleculeState

if TYPE_CHECKING:
    from dgl import DGLGraph

GRAPHBOLT: Final = "dgl.graphbolt"
"""DGL's data loader for huge graphs: it needs a torchdata and a library compiled for a torch of years ago, and nothing
here needs it."""

UPSTREAM_NAME: Final = {"positions": "x", "types": "a", "charges": "c", "bonds": "e"}

Moment = Literal["1_true", "1", "0", "t"]
"""Which point of a path upstream means by a feature: data, sample, prior, or what lies between."""


def to_dgl(state: MoleculeState, moment: Moment = "1_true") -> DGLGraph:
    """A batch of upstream's graphs.

    Args:
        state: B molecules, positions in Å with zero centre of mass.
        moment: What the features are called by.

    Returns:
        A batched graph with node features `x_…` (A, 3), `a_…` (A, K_a), `c_…` (A, K_c) and edge features `e_…` (E, K_e)
        and `ue_mask` (E,), true on the edges from the earlier atom to the later.

    Raises:
        MissingDependencyError: DGL is not installed.
        InteropError: It cannot be imported.
    """
    dgl = import_dgl()
    graph = complete_graph(state.n_atoms)
    made = dgl.graph((graph.source, graph.target), num_nodes=len(graph.atom_molecule), device=state.device)
    made.set_batch_num_nodes(graph.n_atoms)
    made.set_batch_num_edges(graph.n_atoms * (graph.n_atoms - 1))
    for name, part in flat_parts(state, graph).items():
        data = made.edata if name == "bonds" else made.ndata
        data[f"{UPSTREAM_NAME[name]}_{moment}"] = part
    made.edata["ue_mask"] = graph.upper
    return made


def from_dgl(graph: DGLGraph, moment: Moment = "1_true") -> MoleculeState:
    """The state that upstream's graphs hold, batched or one.

    Args:
        graph: Complete graphs with upstream's features; the edges may come in any order.
        moment: Which features to read.

    Raises:
        InteropError: A feature is missing, the graphs are not complete, or the two edges of a pair differ.
    """
    parts = {}
    for name, letter in UPSTREAM_NAME.items():
        data, feature = graph.edata if name == "bonds" else graph.ndata, f"{letter}_{moment}"
        if feature not in data:
            raise InteropError(
                f"The DGL graph has no feature {feature!r}.",
                allowed=", ".join([*graph.ndata, *graph.edata]) or "a graph of upstream FlowMol",
                remedy="another moment",
            )
        parts[name] = data[feature]
    source, target = graph.edges(order="eid")
    return state_of_flat(parts, graph_of_edges(graph.batch_num_nodes(), source, target))


def molecules_to_dgl(
    molecules: Sequence[Molecule], config: FlowMolConfig | None = None, moment: Moment = "1_true"
) -> DGLGraph:
    """`to_dgl` of molecules as upstream's data set has them: one-hot classes, zero centre of mass, float32.

    Args:
        molecules: At least one.
        config: Gives the classes; by default QM9's elements and aromatic bonds.
        moment: What the features are called by.

    Raises:
        MoleculeError: An element, a formal charge or a bond order has no class.
        MissingDependencyError: DGL is not installed.
        InteropError: It cannot be imported.
    """
    return to_dgl(encode_molecules(molecules, config or FlowMolConfig()), moment)


def molecules_from_dgl(
    graph: DGLGraph, config: FlowMolConfig | None = None, moment: Moment = "1_true"
) -> list[Molecule]:
    """The molecules that upstream's graphs hold, each class the most probable one.

    Args:
        graph: As for `from_dgl`.
        config: Gives the classes; by default QM9's elements and aromatic bonds.
        moment: Which features to read.

    Raises:
        InteropError: A feature is missing, the graphs are not complete, or the classes are not those of `config`.
    """
    state, config = from_dgl(graph, moment), config or FlowMolConfig()
    found = tuple(part.shape[-1] for part in (state.types, state.charges, state.bonds))
    expected = (config.n_types, config.n_charges, config.n_bonds)
    if found != expected:
        raise InteropError(f"The graph has {found} classes of elements, charges and bonds.", allowed=f"{expected}")
    return decode_molecules(state, config)


def import_dgl() -> Any:
    """The package `dgl`: as it is, or else without its graphbolt.

    Raises:
        MissingDependencyError: It is not installed.
        InteropError: It is, and fails in both ways.
    """
    if importlib.util.find_spec("dgl") is None:
        raise MissingDependencyError("dgl", "dgl", "Making DGL graphs")
    # Else DGL asks the user, and writes a file into the home folder.
    os.environ.setdefault("DGLBACKEND", "pytorch")
    try:
        return _imported()
    except Exception as plainly:  # noqa: BLE001  # what fails depends on torch, torchdata and setuptools
        first = plainly
    sys.modules[GRAPHBOLT] = ModuleType(GRAPHBOLT, "Stands in for what cannot be imported beside this torch.")
    try:
        return _imported()
    except Exception as error:
        raise InteropError(
            f"dgl cannot be imported beside torch {torch.__version__}: {first}; without {GRAPHBOLT}: {error}.",
            remedy="pip install 'dgl==2.1.0' in an environment of its own, as `make test-dgl` does",
        ) from error


def _imported() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of its year
            return importlib.import_module("dgl")
    except Exception:
        # What was imported before the failure would be taken for whole.
        for name in [name for name in sys.modules if name == "dgl" or name.startswith("dgl.")]:
            del sys.modules[name]
        raise
