"""One step of the chain: its probabilities, its order, and what it may not do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molvm.models.flowmol.ctmc.jumps import Step, campbell_jump, gat_jump, purity_chances

MANY = 40_000
CLASSES = 3
MASK = CLASSES
MIDDLE = Step(t=0.4, dt=0.02, alpha=0.4, alpha_dot=1.0, last=False)
END = Step(t=0.98, dt=0.02, alpha=0.98, alpha_dot=1.0, last=True)


def within(share: Tensor, expected: float, count: int) -> bool:
    """Four standard errors of a share."""
    return abs(float(share) - expected) <= 4 * max(expected * (1 - expected) / count, 1e-12) ** 0.5


def spread(rows: int) -> Tensor:
    return torch.tensor([0.5, 0.3, 0.2]).expand(rows, CLASSES)


def one_molecule(rows: int) -> Tensor:
    return torch.zeros(rows, dtype=torch.long)


@pytest.mark.parametrize("eta", [0.0, 5.0])
def test_rates_of_masking_and_unmasking(eta: float) -> None:
    hidden = torch.full((MANY,), MASK)
    after = campbell_jump(hidden, spread(MANY), one_molecule(MANY), MIDDLE, eta, 0.0, torch.Generator().manual_seed(0))
    chance = MIDDLE.dt * (1 + eta * 0.4) / 0.6
    assert within((after != MASK).float().mean(), chance, MANY)
    decided = after[after != MASK]
    for token, expected in enumerate((0.5, 0.3, 0.2)):
        assert within((decided == token).float().mean(), expected, len(decided))
    known = torch.zeros(MANY, dtype=torch.long)
    after = campbell_jump(known, spread(MANY), one_molecule(MANY), MIDDLE, eta, 0.0, torch.Generator().manual_seed(1))
    assert within((after == MASK).float().mean(), eta * MIDDLE.dt, MANY)
    assert set(after.unique().tolist()) <= {0, MASK}


@pytest.mark.parametrize("threshold", [0.0, 0.9])
def test_nothing_stays_masked_at_the_end(threshold: float) -> None:
    tokens = torch.randint(CLASSES + 1, (MANY,), generator=torch.Generator().manual_seed(0))
    after = campbell_jump(
        tokens, spread(MANY), one_molecule(MANY), END, 30.0, threshold, torch.Generator().manual_seed(1)
    )
    assert int(after.max()) < MASK
    assert torch.equal(after[tokens != MASK], tokens[tokens != MASK])
    assert int(gat_jump(tokens, spread(MANY), END, torch.Generator().manual_seed(1)).max()) < MASK


def test_certain_tokens_come_first_and_as_many_as_without_preference() -> None:
    hidden = torch.tensor([True] * 8 + [False] * 2 + [True] * 4)
    certain = torch.tensor([True, True] + [False] * 6 + [True] * 2 + [False] * 4)
    molecule = torch.tensor([0] * 10 + [1] * 4)
    for chance in (0.1, 0.25, 0.6, 1.0):
        found = purity_chances(hidden, certain, molecule, chance)
        first, second = found[:8], found[10:]
        assert float(first.sum()) == pytest.approx(8 * chance, abs=1e-5)
        assert float(second.sum()) == pytest.approx(4 * chance, abs=1e-5)
        assert bool((first[:2] == min(1.0, chance * 8 / 2)).all())
        if chance <= 0.25:
            assert not bool(first[2:].any())
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1


def test_purity_when_all_are_certain() -> None:
    hidden = torch.tensor([True, True, False])
    found = purity_chances(hidden, torch.ones(3, dtype=torch.bool), one_molecule(3), 0.3)
    assert bool(torch.isfinite(found).all())
    assert found[:2].tolist() == pytest.approx([0.3, 0.3])


def test_one_step_of_gat_has_its_velocity() -> None:
    """Probabilities after a step: forwards w times, backwards w − 1 times."""
    weight = 1 + 10 * (0.4 * 0.6) ** 0.25
    hidden = torch.full((MANY,), MASK)
    after = gat_jump(hidden, spread(MANY), MIDDLE, torch.Generator().manual_seed(0))
    chance = MIDDLE.dt * weight / 0.6
    assert within((after != MASK).float().mean(), chance, MANY)
    known = torch.zeros(MANY, dtype=torch.long)
    after = gat_jump(known, spread(MANY), MIDDLE, torch.Generator().manual_seed(1))
    assert within((after == MASK).float().mean(), MIDDLE.dt * (weight - 1) / 0.4, MANY)
    assert within((after == 1).float().mean(), chance * 0.3, MANY)


def test_an_empty_modality_has_nothing_to_draw() -> None:
    nothing = torch.zeros(0, dtype=torch.long)
    assert len(campbell_jump(nothing, torch.zeros(0, CLASSES), nothing, MIDDLE, 1.0, 0.9)) == 0
    assert len(gat_jump(nothing, torch.zeros(0, CLASSES), MIDDLE)) == 0
