"""Upstream FlowMol's own network on DGL beside ours: `.venv-dgl/bin/python benchmarks/upstream_dgl.py --flowmol PATH`.

PATH is a checkout of https://github.com/Dunni3/FlowMol, v0.1 or v2.0, whose network is the same; `make test-dgl` makes
the environment. Times one evaluation of the endpoint in the released QM9 and GEOM configurations with random weights,
on the CPU, in turn, in one run. Both have the same weights and are first shown to give the same endpoint.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor

from molvm.cli.allocator import keep_freed_memory
from molvm.interop.complete_graph import complete_graph, flat_parts
from molvm.interop.dgl import UPSTREAM_NAME, import_dgl, to_dgl
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.precision import Precision
from molvm.states import MoleculeState

GEOM_ELEMENTS = ("C", "H", "N", "O", "F", "P", "S", "Cl", "Br", "I")

SHAPES = {
    "released qm9, 64 x 18": (FlowMolConfig(), 64, 18),
    "released geom, 16 x 44": (
        FlowMolConfig(
            elements=GEOM_ELEMENTS, schedule_exponents=(1.0, 2.0, 2.0, 2.0), molecule_updates=5, rbf_dmax=12.0
        ),
        16,
        44,
    ),
}

AGREEMENT = 1e-3
"""Å and probabilities: what float32 may differ by between two ways through a network of that depth."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flowmol", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    keep_freed_memory()
    field_class = upstream_field(options.flowmol)
    load = os.getloadavg()[0]
    record = {
        name: measure(field_class, config, batch, atoms, options.rounds)
        for name, (config, batch, atoms) in SHAPES.items()
    }
    text = json.dumps({"threads": torch.get_num_threads(), "load before": load, "seconds": record}, indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


def upstream_field(checkout: Path) -> Any:
    """Upstream's class of network."""
    import_dgl()
    inside = "flowmol." if (checkout / "flowmol").is_dir() else ""
    for name in filter(None, (inside.rstrip("."), f"{inside}models", f"{inside}utils")):
        # A package without its `__init__`, which imports the whole program.
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = [str(checkout / name.replace(".", "/"))]
    return importlib.import_module(f"{inside}models.vector_field").EndpointVectorField


def measure(field_class: Any, config: FlowMolConfig, batch: int, atoms: int, rounds: int) -> dict[str, float]:
    """Best seconds of each way."""
    torch.manual_seed(0)
    network = FlowMolNetwork(config).eval()

    def model(precision: Precision) -> FlowMolModel:
        return FlowMolModel(network, SizeHistogram((atoms,), (1,)), "benchmark", precision=precision)

    exact, rounded = model("float32"), model("bfloat16")
    x = exact.noise(torch.full((batch,), atoms), batch, torch.Generator().manual_seed(0))
    t = torch.full((batch,), 0.5)
    theirs = upstream_way(field_class, network, x, t)
    difference = largest_difference(theirs(), exact.predict_endpoint(x, t))
    assert difference < AGREEMENT, f"the endpoints differ by {difference}"
    ways: dict[str, Callable[[], object]] = {
        "upstream on DGL, float32": theirs,
        "molvm, float32, whole batch": lambda: exact._predict(x, t),
        "molvm, float32, portions": lambda: exact.predict_endpoint(x, t),
        "molvm, bfloat16, portions": lambda: rounded.predict_endpoint(x, t),
    }
    best = dict.fromkeys(ways, float("inf"))
    with torch.no_grad():
        for _ in range(rounds + 1):  # the first round warms up and can hardly be the best
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                best[name] = min(best[name], time.perf_counter() - started)
    return {**best, "largest difference between the two": difference}


def upstream_way(
    field_class: Any, network: FlowMolNetwork, x: MoleculeState, t: Tensor
) -> Callable[[], dict[str, Tensor]]:
    """One evaluation of upstream's field with our weights, as its sampler asks for it."""
    c = network.config
    field = field_class(
        n_atom_types=c.n_types,
        canonical_feat_order=["x", "a", "c", "e"],
        interpolant_scheduler=None,
        n_charges=c.n_charges,
        n_bond_types=c.n_bonds,
        n_vec_channels=c.vector_channels,
        n_cp_feats=c.cross_products,
        n_hidden_scalars=c.hidden_scalars,
        n_hidden_edge_feats=c.hidden_edges,
        n_recycles=c.recycles,
        n_molecule_updates=c.molecule_updates,
        convs_per_update=c.convs_per_update,
        n_message_gvps=c.message_gvps,
        n_update_gvps=c.update_gvps,
        separate_mol_updaters=c.separate_updaters,
        message_norm=c.message_norm,
        update_edge_w_distance=c.update_edges_with_distance,
        rbf_dmax=c.rbf_dmax,
        rbf_dim=c.rbf_dim,
    ).eval()
    missing, unknown = field.load_state_dict(network.state_dict(), strict=False)
    assert not unknown
    assert all(name.endswith("dummy_param") for name in missing), missing
    graph = to_dgl(x, "t")
    molecule_of_atom = complete_graph(x.n_atoms).atom_molecule

    @torch.no_grad()
    def way() -> dict[str, Tensor]:
        endpoint: dict[str, Tensor] = field(
            graph, t, molecule_of_atom, graph.edata["ue_mask"], apply_softmax=True, remove_com=True
        )
        return endpoint

    return way


def largest_difference(theirs: dict[str, Tensor], ours: MoleculeState) -> float:
    graph = complete_graph(ours.n_atoms)
    parts = flat_parts(ours, graph)
    parts["bonds"] = parts["bonds"][graph.upper]
    return max(float((theirs[UPSTREAM_NAME[name]] - part).abs().max()) for name, part in parts.items())


if __name__ == "__main__":
    main()
