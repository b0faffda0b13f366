"""Drawing molecules until they have a part."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import molvm
from molvm.chem.io import write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError, InputFileError
from molvm.models.gaussian import GaussianMixtureModel
from molvm.models.mixture import GaussianMixture
from molvm.models.spread import SPREAD_KEY
from molvm.runs.drawing import Drawn, Progress
from molvm.runs.inference import Inference
from molvm.runs.keeping import ATTEMPTS, keeping, read_scaffold, until_kept
from molvm.schedules import LinearSchedule
from molvm.sde import SvddOptions
from molvm.states import TensorState
from tests.runs.spread_reward import spread
from tests.runs.tiny import tiny_model


class Marked:
    """Stands for a model whose samples are numbers, kept when positive."""

    class part:  # noqa: N801 - an attribute of the model
        @staticmethod
        def is_kept(sample: float) -> bool:
            return sample > 0

    @staticmethod
    def decode(x: TensorState) -> list[float]:
        found: list[float] = x.x[:, 0].tolist()
        return found


def test_what_lacks_the_part_is_drawn_again_with_its_condition() -> None:
    asked: list[list[int]] = []

    def draw(condition: torch.Tensor, count: int, generator: torch.Generator, _: object) -> Drawn:
        asked.append(condition.tolist())
        x = torch.randn(count, 1, generator=generator) + 0.01 * condition[:, None]
        return Drawn(TensorState(x), condition.float(), -condition.float())

    condition = torch.arange(20)
    found = until_kept(Marked, draw)(condition, 20, torch.Generator().manual_seed(0), None)  # type: ignore[arg-type]
    assert bool((found.terminal.parts["x"] > 0).all())
    assert torch.equal(found.path_cost, condition.float())
    assert torch.equal(found.ito, -condition.float())
    assert 1 < len(asked) < ATTEMPTS
    assert all(set(later) <= set(before) for before, later in pairwise(asked))


def test_progress_is_whole_only_when_all_have_the_part() -> None:
    """After each attempt it falls back to the share that has it."""
    left = [20, 7, 2]

    def draw(condition: object, count: int, generator: torch.Generator, on_step: Progress) -> Drawn:
        lacking = left[left.index(count) + 1] if count != left[-1] else 0
        for step in range(1, 11):
            on_step(step, 10)
        x = torch.ones(count, 1)
        x[:lacking] = -1
        return Drawn(TensorState(x), torch.zeros(count), torch.zeros(count))

    seen: list[tuple[int, int]] = []
    drawing = until_kept(Marked, draw)  # type: ignore[arg-type]
    drawing(None, 20, torch.Generator(), lambda done, steps: seen.append((done, steps)))
    assert {steps for _, steps in seen} == {10}
    assert [done for done, _ in seen].index(10) == len(seen) - 1
    assert [seen[k][0] for k in (0, 9, 10, 19, 20, 29)] == [1, 9, 6, 9, 9, 9]


def test_it_gives_up_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    def draw(_: object, count: int, *__: object) -> Drawn:
        calls.append(count)
        return Drawn(TensorState(-torch.ones(count, 1)), torch.zeros(count), torch.zeros(count))

    with caplog.at_level(logging.WARNING):
        found = until_kept(Marked, draw)(None, 3, torch.Generator(), None)  # type: ignore[arg-type]
    assert len(found.path_cost) == 3
    assert calls == [3] * ATTEMPTS
    assert "3 of 3 molecules lack the scaffold after 10 attempts" in caplog.text


def test_a_scaffold_is_a_smiles_or_a_file(tmp_path: Path) -> None:
    ring = read_scaffold("C1CC1")
    assert isinstance(ring, Molecule)
    path = tmp_path / "ring.sdf"
    write_sdf(path, [ring])
    assert read_scaffold(path).elements.tolist() == ring.elements.tolist()
    with pytest.raises(InputFileError, match="'C1CC' cannot be read"):
        read_scaffold("C1CC")
    with pytest.raises(InputFileError):
        read_scaffold(tmp_path / "none.sdf")


@pytest.mark.parametrize(("scaffold", "atoms"), [("C1CCNC1", "5"), ("c1ccccc1", "3-5")])
def test_a_scaffold_that_the_sizes_have_no_room_for_is_refused_before_anything_is_drawn(
    scaffold: str, atoms: str
) -> None:
    def never(done: int, total: int) -> None:
        raise AssertionError

    with pytest.raises(ConfigError, match=r"scaffold has [56] heavy atoms.*molecules of 5 atoms"):
        molvm.sample("qm9", 1, steps=2, scaffold=scaffold, atoms=atoms, progress=never)


def test_only_continuous_flowmol_keeps_a_scaffold() -> None:
    gaussian = GaussianMixtureModel((GaussianMixture.of([1.0], [[0.0]], [[1.0]]),), LinearSchedule())
    with pytest.raises(ConfigError, match="cannot keep a scaffold"):
        keeping(gaussian, "CC")


def test_the_untrained_base_is_pulled_and_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    model = tiny_model()
    model.card[SPREAD_KEY] = {"times": [0.0, 1.0], "variances": {"positions": [2.0, 0.0]}}
    drawn = molvm.sample(model, 3, steps=4, scaffold="CC", seed=1)
    kept = [keeping(model, "CC").part.is_kept(molecule) for molecule in drawn.molecules]
    assert all(kept) or f"{kept.count(False)} of 3 molecules lack" in caplog.text
    again = molvm.sample(model, 3, steps=4, scaffold="CC", seed=1)
    assert [a.positions.tolist() for a in drawn] == [b.positions.tolist() for b in again]
    with pytest.raises(ConfigError, match="a method picks"):
        molvm.sample(model, 3, scaffold="CC", inference=Inference(SvddOptions(), spread, 1.0))


def test_the_bundled_base_keeps_a_ring() -> None:
    """Real molecules; `RESULTS.md` has more of them."""
    drawn = molvm.sample("qm9", 2, steps=40, scaffold="C1CC1", atoms="12", seed=0)
    part = keeping(molvm.load_model("qm9"), "C1CC1").part
    assert all(part.is_kept(molecule) for molecule in drawn.molecules)
