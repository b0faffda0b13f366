"""The message without stored vectors is the perceptron applied to each pair's own vectors."""

from __future__ import annotations

import pytest
import torch

from molvm.models.flowmol.blocks import GVP
from molvm.models.flowmol.edge_message import EdgeMessage
from molvm.models.flowmol.geometry import PairGeometry

S, E, R, C = 7, 5, 4, 3


def case(cross: int) -> tuple[EdgeMessage, torch.Tensor, torch.Tensor, torch.Tensor, PairGeometry]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    with torch.random.fork_rng():
        torch.manual_seed(1)
        message = EdgeMessage(S, E, R, C, cross).double()
    geometry = PairGeometry.of(2 * draw(2, 6, 3) + 3, d_max=10.0, radial_count=R)
    return message, draw(2, 6, S), draw(2, 6, 3, C), draw(2, 6, 6, E), geometry


@pytest.mark.parametrize("cross", [0, 2])
def test_it_is_the_perceptron_of_each_pair(cross: int) -> None:
    message, scalars, vectors, edges, geometry = case(cross)
    of_pairs = torch.cat([scalars[:, None].expand(-1, 6, -1, -1), geometry.radial, edges], dim=-1)
    vectors_of_pairs = torch.cat([geometry.units[..., None], vectors[:, None].expand(-1, 6, -1, -1, -1)], dim=-1)
    expected, expected_vectors = GVP.forward(message, of_pairs, vectors_of_pairs)
    found = message.on_pairs(scalars, vectors, edges, geometry)
    torch.testing.assert_close(found.scalars, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(found.vectors(), expected_vectors, atol=1e-12, rtol=0)


@pytest.mark.parametrize("cross", [0, 2])
def test_the_sum_over_sources_is_the_sum_of_the_vectors(cross: int) -> None:
    message, scalars, vectors, edges, geometry = case(cross)
    found = message.on_pairs(scalars, vectors, edges, geometry)
    weight = torch.rand(2, 6, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weight = weight * ~torch.eye(6, dtype=torch.bool)
    expected = torch.einsum("bij,bijdc->bidc", weight, found.vectors())
    torch.testing.assert_close(found.vector_sum(weight), expected, atol=1e-12, rtol=0)
