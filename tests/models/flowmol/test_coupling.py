from __future__ import annotations

from typing import Any

import pytest
import torch

from molvm.interop.complete_graph import complete_graph
from molvm.models.flowmol.coupling import align, aligned_noise
from molvm.states import MoleculeState
from tests.models.flowmol.upstream import PARITY


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return torch.load(PARITY / "align_v0.1.pt", weights_only=True)  # type: ignore[no-any-return]


def test_alignment_is_upstreams(record: dict[str, Any]) -> None:
    """One of the recorded cases is a reflection."""
    assert {round(float(case["det"])) for case in record["cases"]} == {1, -1}
    for case in record["cases"]:
        torch.testing.assert_close(align(case["x0"], case["x1"]), case["aligned"], rtol=0, atol=1e-5)


def test_the_order_of_edges_is_upstreams(record: dict[str, Any]) -> None:
    for n, (source, target) in record["edge_idx"].items():
        graph = complete_graph(torch.tensor([int(n)]))
        assert torch.equal(graph.source, source)
        assert torch.equal(graph.target, target)


def test_alignment_shortens_the_way_and_touches_nothing_else() -> None:
    sizes = torch.tensor([6, 6, 6])
    noise, data = (MoleculeState.zeros(sizes, 3, 2, 4, dtype=torch.float64).randn_like() for _ in range(2))
    aligned = aligned_noise(noise, data)
    for name in ("types", "charges", "bonds"):
        assert torch.equal(aligned.parts[name], noise.parts[name])
    before, after = ((each.positions - data.positions).square().sum(dim=(1, 2)) for each in (noise, aligned))
    assert (after < before).all()
    torch.testing.assert_close(aligned.positions.square().sum(), noise.positions.square().sum())
    torch.testing.assert_close(aligned.project().positions, aligned.positions)


def test_an_aligned_molecule_stays() -> None:
    data = MoleculeState.zeros(torch.tensor([7]), 1, 1, 1, dtype=torch.float64).randn_like().positions[0]
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    torch.testing.assert_close(align(align(data @ turn, data), data), align(data @ turn, data))
    torch.testing.assert_close(align(data, data), data)
