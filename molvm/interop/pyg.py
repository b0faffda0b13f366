"""To and from torch-geometric's `Data` and `Batch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from molvm.chem.molecule import AROMATIC, Molecule, require_molecule
from molvm.errors import InteropError
from molvm.interop.complete_graph import complete_graph, flat_parts, graph_of_edges, state_of_flat
from molvm.states import MoleculeState

if TYPE_CHECKING:
    from torch_geometric.data import Batch, Data

# torch-geometric takes half a second to import, so that only functions do.


def to_pyg(molecule: Molecule, *, dtype: torch.dtype = torch.float32) -> Data:
    """The bond graph, with the names that torch-geometric's own QM9 has. The molecule's properties stay behind.

    Args:
        molecule: Of n atoms and m bonds.
        dtype: Floating-point type of the positions; the way back is exact in float64.

    Returns:
        `z` (n,) atomic numbers; `pos` (n, 3) in Å; `formal_charge` (n,); `edge_index` (2, 2m), each bond in both
        directions, sorted; `edge_attr` (2m, 4), one-hot: single, double, triple, aromatic; `name`.

    Raises:
        MoleculeError: It is no `Molecule`.
    """
    require_molecule(molecule, "to_pyg")
    from torch_geometric.data import Data
    from torch_geometric.utils import coalesce

    bonds = torch.tensor(molecule.bonds.astype(np.int64)).T
    orders = functional.one_hot(torch.tensor(molecule.orders.astype(np.int64)) - 1, AROMATIC).float()
    edge_index, edge_attr = coalesce(
        torch.cat([bonds, bonds.flip(0)], dim=1), torch.cat([orders, orders]), num_nodes=molecule.n_atoms
    )
    return Data(
        z=torch.tensor(molecule.elements.astype(np.int64)),
        pos=torch.tensor(molecule.positions, dtype=dtype),
        formal_charge=torch.tensor(molecule.formal_charges.astype(np.int64)),
        edge_index=edge_index,
        edge_attr=edge_attr,
        name=molecule.id,
    )


def from_pyg(data: Data) -> Molecule:
    """The molecule of one graph.

    Args:
        data: With the fields that `to_pyg` gives; `formal_charge` and `name` may be missing. Of the features of edges
            the first four columns count, as the one-hot order.

    Raises:
        InteropError: A field is missing, or the bonds are not told alike in both directions.
        MoleculeError: The fields do not describe a molecule.
    """
    _require(data, "z", "pos", "edge_index", "edge_attr")
    if "ptr" in data and len(data.ptr) > 2:
        raise InteropError(f"The batch has {len(data.ptr) - 1} graphs.", remedy="batch.to_data_list(), one at a time")
    bonds, orders = _bonds(data.edge_index.cpu(), data.edge_attr.cpu())
    charges = data.formal_charge if "formal_charge" in data else torch.zeros_like(data.z)
    return Molecule(
        elements=data.z.tolist(),
        positions=data.pos.double().numpy(force=True),
        formal_charges=charges.numpy(force=True),
        bonds=bonds,
        orders=orders,
        id=str(data.name) if "name" in data else "",
    )


def to_pyg_batch(molecules: Sequence[Molecule], *, dtype: torch.dtype = torch.float32) -> Batch:
    """`to_pyg` of several molecules, joined.

    Raises:
        InteropError: There are none.
    """
    from torch_geometric.data import Batch

    if not molecules:
        raise InteropError("A batch of no molecules cannot be made.", allowed="at least one")
    return Batch.from_data_list([to_pyg(molecule, dtype=dtype) for molecule in molecules])


def from_pyg_batch(batch: Batch) -> list[Molecule]:
    """The molecules of a batch, each as `from_pyg` reads it."""
    return [from_pyg(data) for data in batch.to_data_list()]


def state_to_pyg(state: MoleculeState) -> Batch:
    """The coordinates of a state, on complete graphs.

    Returns:
        `pos`, `types`, `charges` one row an atom, `edge_index` (2, E) in FlowMol's order, `edge_attr` (E, K_e) the
        bonds, E = Σ N(N−1).
    """
    from torch_geometric.data import Batch, Data

    graphs = []
    for index in range(len(state)):
        one = state.select(slice(index, index + 1))
        graph = complete_graph(one.n_atoms)
        parts = flat_parts(one, graph)
        graphs.append(
            Data(
                pos=parts["positions"],
                types=parts["types"],
                charges=parts["charges"],
                edge_index=torch.stack([graph.source, graph.target]),
                edge_attr=parts["bonds"],
            )
        )
    return Batch.from_data_list(graphs)


def state_from_pyg(batch: Batch) -> MoleculeState:
    """The state that `state_to_pyg` made the batch of; the edges may come in any order.

    Raises:
        InteropError: A field is missing, a graph is not complete, or the two edges of a pair differ.
    """
    _require(batch, "pos", "types", "charges", "edge_index", "edge_attr")
    graph = graph_of_edges(batch.ptr.diff(), *batch.edge_index)
    parts = {"positions": batch.pos, "types": batch.types, "charges": batch.charges, "bonds": batch.edge_attr}
    return state_of_flat(parts, graph)


def _require(data: Data, *names: str) -> None:
    missing = [name for name in names if name not in data]
    if missing:
        raise InteropError(f"The graph has no {', '.join(missing)}.", allowed=f"graphs with {', '.join(names)}")


def _bonds(edge_index: Tensor, edge_attr: Tensor) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """(m, 2) pairs i < j and their (m,) orders."""
    one_hot = edge_attr[:, :AROMATIC] if edge_attr.ndim == 2 else edge_attr[:, None]
    if one_hot.shape[1] != AROMATIC or not bool((one_hot.sum(dim=1) == 1).all()):
        raise InteropError(
            f"Features of edges of shape {tuple(edge_attr.shape)} are no bond orders.",
            allowed="one-hot single, double, triple, aromatic as (edges, 4)",
        )
    ends, orders = edge_index.T.numpy(), one_hot.argmax(dim=1).numpy() + 1
    rows = np.column_stack([ends, orders])
    forward = np.unique(rows[ends[:, 0] < ends[:, 1]], axis=0)
    backward = np.unique(rows[ends[:, 0] > ends[:, 1]][:, [1, 0, 2]], axis=0)
    if 2 * len(forward) != len(rows) or not np.array_equal(forward, backward):
        raise InteropError(
            "The two directions of a bond differ.", allowed="each bond from i to j and from j to i, once"
        )
    return forward[:, :2].astype(np.int32), forward[:, 2].astype(np.uint8)
