"""Pretraining learns from real molecules, with independent noise, and goes on where it stopped."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from molvm.datasets.pack import pack
from molvm.datasets.store import MoleculeDataset
from molvm.errors import CheckpointError, ConfigError, DatasetError, DivergenceError, OutputExistsError
from molvm.models.flowmol.batches import clean_state, one_size_batches
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.matching import flowmol_schedules, matching_loss, time_weights
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.schedules import interpolate
from molvm.states import MoleculeState
from molvm.states.molecule import MODALITIES
from molvm.training import pretrain as module
from molvm.training.checkpoint import load_checkpoint
from molvm.training.pretrain import Pretrainer, PretrainProgress, pretrain
from molvm.training.pretrain_options import PretrainOptions
from tests.models.flowmol.molecules import embedded

SMALL_MOLECULES = """
O N C CC C=C C#C CO C=O C#N CF CN CCC C=CC CC#C CCO COC CC=O CC#N OC=O NC=O CCN CNC CCF FCF OCF C1CC1 C1CO1 C1CN1
CCCC CC(C)C C=CC=C CCC=C CC=CC CC(C)=C C#CC=C CCC#C CC#CC CCCO CC(C)O CCOC CCC=O CC(C)=O C=CC=O CC(=O)O COC=O CC(N)=O
CNC=O NC(N)=O OCCO NCCO NCCN CCCN CCNC CN(C)C CC(C)N OCC=O O=CC=O N#CC#N N#CCO N#CCN CCC#N C=CC#N CC(F)F FC(F)F CCCF
C1CCC1 CC1CC1 OC1CC1 NC1CC1 C1COC1 C1CNC1 C1=CCC1 CC1CO1 C1=CC1 O=C1CC1 c1cc[nH]c1 c1ccoc1 c1c[nH]cn1 c1cnoc1 C1CCCC1
C1CCOC1 C1CCNC1 C1=CCCC1 c1ccccc1 c1ccncc1 CCCCC CC(C)CC CCOCC CCC(C)=O CCCC=O CC(=O)OC OC(=O)C=O CC(O)C=O NCC(=O)O
NC(=O)C=O CC(C)C=O CCC(=O)O C#CCO C#CCN C=CCO C=CCN COCC#N
"""
SMILES = SMALL_MOLECULES.split()

CONFIG = FlowMolConfig(
    n_bonds=4,
    hidden_scalars=16,
    hidden_edges=8,
    vector_channels=4,
    cross_products=2,
    rbf_dim=8,
    molecule_updates=2,
    message_gvps=1,
    update_gvps=1,
    position_gvps=1,
    message_norm=10.0,
    self_conditioning=True,
)
OPTIONS = PretrainOptions(
    steps=6, batch_size=16, warmup_steps=2, learning_rate=3e-3, precision="float32", checkpoint_every=100, seed=4
)


def steps_per_epoch(dataset: MoleculeDataset, batch_size: int) -> int:
    """Steps in which every training molecule is seen once."""
    return len(list(one_size_batches(dataset, "train", batch_size, np.random.default_rng(0))))


@pytest.fixture(scope="module")
def dataset() -> MoleculeDataset:
    return pack([embedded(smiles) for smiles in SMILES], name="small", element_symbols=CONFIG.elements)


@pytest.fixture(scope="module")
def few(dataset: MoleculeDataset) -> MoleculeDataset:
    """Three batches an epoch."""
    sizes, counts = dataset.size_histogram()
    common = sizes[np.argsort(counts)[-3:]]
    chosen = np.concatenate([dataset.indices(size=int(size))[:4] for size in common])
    return dataset.select(chosen)


def everything(trainer: Pretrainer) -> dict[str, Tensor]:
    tensors = {f"network.{name}": value.clone() for name, value in trainer.network.state_dict().items()}
    tensors |= {f"average.{name}": value.clone() for name, value in trainer.average.items()}
    tensors |= {f"optimiser.{name}": value.clone() for name, value in trainer.optimiser.tensors().items()}
    return {**tensors, "generator": trainer.generator.get_state()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def stop_at(trainer_steps: int) -> Any:
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= trainer_steps


@torch.no_grad()
def mean_loss(weights: dict[str, Tensor], dataset: MoleculeDataset) -> float:
    """Over the whole dataset, at noise and times that are the same for all weights."""
    network, schedules = FlowMolNetwork(CONFIG), flowmol_schedules(CONFIG)
    network.load_state_dict(weights)
    generator, total = torch.Generator().manual_seed(99), 0.0
    for batch in one_size_batches(dataset, "train", 64, np.random.default_rng(0)):
        data = clean_state(batch, CONFIG)
        t = 0.05 + 0.9 * torch.rand(len(data), generator=generator)
        x = interpolate(schedules, data.randn_like(generator), data, t)
        total += len(data) * float(matching_loss(network(x, t), data, time_weights(schedules, t)).total)
    return total / len(dataset)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_from_real_molecules(dataset: MoleculeDataset, tmp_path: Path, precision: str) -> None:
    assert len(dataset) >= 100
    options = replace(OPTIONS, steps=50, batch_size=32, warmup_steps=5, precision=precision, shards=2)
    fresh = dict(Pretrainer(dataset, CONFIG, options, tmp_path).network.state_dict())
    trainer = pretrain(dataset, CONFIG, options, tmp_path)
    before, after = (mean_loss(weights, dataset) for weights in (fresh, dict(trainer.network.state_dict())))
    assert after < 0.6 * before
    # The average of the weights, which is what gets sampled, has learned as well.
    assert mean_loss(trainer.average, dataset) < 0.6 * before


@pytest.mark.parametrize("self_conditioning_share", [0.0, 1.0])
@pytest.mark.parametrize("shards", [2, 3])
def test_shards_do_not_change_the_gradient(
    dataset: MoleculeDataset, tmp_path: Path, self_conditioning_share: float, shards: int
) -> None:
    def gradients(parts: int) -> tuple[list[Tensor], dict[str, float]]:
        options = replace(
            OPTIONS, steps=1, shards=parts, clip=1e9, batch_size=7, self_conditioning_share=self_conditioning_share
        )
        trainer = pretrain(dataset, CONFIG, options, tmp_path / str(parts))
        return [p.grad for p in trainer.parameters if p.grad is not None], trainer.running

    (whole, losses), (sharded, sharded_losses) = gradients(1), gradients(shards)
    assert len(whole) == len(sharded) > 20
    scale = max(float(gradient.abs().max()) for gradient in whole)
    for one, other in zip(whole, sharded, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5 * scale)
    assert sharded_losses == pytest.approx(losses, rel=1e-5)
    assert losses["total"] > 0


def test_saved_and_resumed_is_the_same_bit_for_bit(dataset: MoleculeDataset, tmp_path: Path) -> None:
    """In the middle of an epoch."""
    trainer = pretrain(dataset, CONFIG, OPTIONS, tmp_path, stop=stop_at(3))
    resumed = Pretrainer(dataset, CONFIG, OPTIONS, tmp_path)
    resumed.resume()
    assert resumed.step == trainer.step == 3
    assert_same(everything(resumed), everything(trainer))
    assert resumed.running == trainer.running
    assert resumed.order.bit_generator.state == trainer.order.bit_generator.state
    reports: list[PretrainProgress] = []
    resumed.run(reports.append)
    assert [report.step for report in reports] == [4, 5, 6]
    assert load_checkpoint(tmp_path / "checkpoints").step == 6


def test_resumed_between_epochs_is_as_if_never_stopped(few: MoleculeDataset, tmp_path: Path) -> None:
    assert steps_per_epoch(few, OPTIONS.batch_size) == 3
    whole = pretrain(few, CONFIG, OPTIONS, tmp_path / "whole")
    pretrain(few, CONFIG, OPTIONS, tmp_path / "parts", stop=stop_at(3))
    resumed = pretrain(few, CONFIG, OPTIONS, tmp_path / "parts", resume=True)
    assert_same(everything(resumed), everything(whole))
    assert resumed.running == whole.running


def test_checkpoints_fall_due(few: MoleculeDataset, tmp_path: Path) -> None:
    seen: list[int] = []

    def report(progress: PretrainProgress) -> None:
        folder = tmp_path / "checkpoints"
        seen.append(load_checkpoint(folder).step if folder.exists() else 0)

    pretrain(few, CONFIG, replace(OPTIONS, checkpoint_every=2, steps=5), tmp_path, report=report)
    assert seen == [0, 0, 2, 2, 4]
    assert load_checkpoint(tmp_path / "checkpoints").step == 5


def test_starting_warm(few: MoleculeDataset, tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(17)
        weights = FlowMolNetwork(CONFIG).state_dict()
    given = {name: value.clone() for name, value in weights.items()}
    trainer = Pretrainer(few, CONFIG, OPTIONS, tmp_path)
    trainer.start_from(weights)
    for name, value in given.items():
        assert torch.equal(trainer.network.state_dict()[name], value)
        assert torch.equal(trainer.average[name], value)
    assert trainer.optimiser.tensors() == {}
    assert trainer.step == 0
    trainer.run(stop=stop_at(1))
    for name, value in given.items():
        assert torch.equal(weights[name], value), "the caller's weights are the caller's"


def test_resuming_beats_starting_warm(few: MoleculeDataset, tmp_path: Path) -> None:
    trainer = pretrain(few, CONFIG, OPTIONS, tmp_path, stop=stop_at(6))
    zeros = {name: torch.zeros_like(value) for name, value in trainer.average.items()}
    assert_same(everything(pretrain(few, CONFIG, OPTIONS, tmp_path, resume=True, weights=zeros)), everything(trainer))


def test_nothing_is_overwritten(few: MoleculeDataset, tmp_path: Path) -> None:
    pretrain(few, CONFIG, OPTIONS, tmp_path, stop=stop_at(1))
    with pytest.raises(OutputExistsError, match="--resume"):
        pretrain(few, CONFIG, OPTIONS, tmp_path)
    assert load_checkpoint(tmp_path / "checkpoints").step == 1


def test_resuming_from_nothing_or_from_another_network(few: MoleculeDataset, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        pretrain(few, CONFIG, OPTIONS, tmp_path, resume=True)
    pretrain(few, CONFIG, OPTIONS, tmp_path, stop=stop_at(1))
    with pytest.raises(CheckpointError, match="not of this network"):
        pretrain(few, replace(CONFIG, hidden_scalars=24), OPTIONS, tmp_path, resume=True)


def test_resuming_on_another_dataset(few: MoleculeDataset, tmp_path: Path) -> None:
    pretrain(few, CONFIG, OPTIONS, tmp_path, stop=stop_at(1))
    other = pack([embedded("CO")], name="other", element_symbols=CONFIG.elements, split=[0])
    with pytest.raises(CheckpointError, match="not of 'other'"):
        pretrain(other, CONFIG, OPTIONS, tmp_path, resume=True)


def test_the_network_must_know_the_elements_in_the_same_order(few: MoleculeDataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="H, C, N, O, F"):
        pretrain(few, replace(CONFIG, elements=("H", "C", "N", "O", "F")), OPTIONS, tmp_path)


def test_there_must_be_something_to_train_on(tmp_path: Path) -> None:
    held_out = pack([embedded("CO")], name="held out", element_symbols=CONFIG.elements, split=[2])
    with pytest.raises(DatasetError, match="no training molecules"):
        pretrain(held_out, CONFIG, OPTIONS, tmp_path)


@pytest.mark.parametrize("what", ["loss", "gradient's norm"])
def test_divergence_is_told_and_not_saved(
    few: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    trainer = Pretrainer(few, CONFIG, replace(OPTIONS, checkpoint_every=1), tmp_path)

    def spoiled(*arguments: Any) -> MoleculeState:
        x = interpolate(*arguments)
        if trainer.step < 2:
            return x
        if what == "loss":
            return x.scale(math.nan)
        trainer.network.node_output_head[-1].bias.register_hook(lambda gradient: gradient * math.inf)
        return x

    monkeypatch.setattr(module, "interpolate", spoiled)
    with pytest.raises(DivergenceError, match=f"{what} is (nan|inf) at step 2.*--resume"):
        trainer.run()
    checkpoint = load_checkpoint(tmp_path / "checkpoints")
    assert checkpoint.step == 2
    assert all(bool(torch.isfinite(tensor).all()) for tensor in checkpoint.tensors.values())


def test_the_learning_rate_rises_stays_and_falls() -> None:
    options = PretrainOptions(
        steps=1000, warmup_steps=100, decay_from=0.6, learning_rate=1e-2, final_learning_rate=1e-4
    )
    assert options.rate(0) == pytest.approx(1e-4)
    assert options.rate(49) == pytest.approx(5e-3)
    assert {options.rate(step) for step in (100, 300, 600)} == {1e-2}
    assert options.rate(99) == pytest.approx(1e-2)
    assert options.rate(700) == pytest.approx(1e-2 - 0.25 * (1e-2 - 1e-4))
    assert options.rate(1000) == options.rate(2000) == pytest.approx(1e-4)
    assert PretrainOptions(steps=10, warmup_steps=0).rate(0) == 1e-3


def test_the_average_follows_the_weights(few: MoleculeDataset, tmp_path: Path) -> None:
    """With decay (1 + s)/(10 + s), at most the one asked for."""
    options = replace(OPTIONS, ema_decay=0.2, steps=3)
    trainer = Pretrainer(few, CONFIG, options, tmp_path)
    expected = {name: value.clone() for name, value in trainer.average.items()}

    def follow(progress: PretrainProgress) -> None:
        decay = min(0.2, (1 + progress.step) / (10 + progress.step))
        assert (decay < 0.2) == (progress.step == 1)
        for name, value in trainer.network.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value

    trainer.run(follow)
    for name, value in expected.items():
        torch.testing.assert_close(trainer.average[name], value, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["steps", "batch_size", "checkpoint_every", "shards"])
def test_options_out_of_range(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        PretrainOptions(**{name: 0})


def test_time_weights_are_the_clamped_odds() -> None:
    schedules = flowmol_schedules(CONFIG)
    t = torch.linspace(0, 0.999, 1000, dtype=torch.float64)
    weights = time_weights(schedules, t)
    for (name, weight), exponent in zip(weights.items(), CONFIG.schedule_exponents, strict=True):
        odds = torch.tan(math.pi / 2 * t**exponent) ** 2
        torch.testing.assert_close(weight, odds.clamp(0.05, 1.5), rtol=1e-9, atol=0)
        assert float(weight[0]) == 0.05, name
        assert float(weight[-1]) == 1.5, name
        inside = (odds > 0.05) & (odds < 1.5)
        assert bool((weight[inside].diff() > 0).all())


def test_noise_is_independent_of_the_data(
    dataset: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not aligned by permuting or turning it, which would pull ⟨noise, data⟩ far above zero; and standard normal."""
    seen: list[tuple[MoleculeState, MoleculeState, Tensor]] = []

    def recorded(schedules, noise: MoleculeState, data: MoleculeState, t: Tensor) -> MoleculeState:
        seen.append((noise, data, t))
        return interpolate(schedules, noise, data, t)

    monkeypatch.setattr(module, "interpolate", recorded)
    pretrain(dataset, CONFIG, replace(OPTIONS, steps=2 * steps_per_epoch(dataset, 16)), tmp_path)
    count = sum(len(t) for _, _, t in seen)
    assert count == 2 * len(dataset)
    for name in MODALITIES:
        parts = []
        for noise, data, _ in seen:
            length = data.inner_by_modality(data)[name].sqrt()
            product = noise.inner_by_modality(data)[name]
            parts.append((product / length)[length > 0])
        projected = torch.cat(parts)
        assert abs(float(projected.mean())) < 4 / len(projected) ** 0.5, name
        assert float(projected.var()) == pytest.approx(1, abs=5 * (2 / len(projected)) ** 0.5), name


def test_times_are_uniform_or_normal_in_their_logits(
    few: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(options: PretrainOptions) -> Tensor:
        times: list[Tensor] = []

        def recorded(schedules, noise: MoleculeState, data: MoleculeState, t: Tensor) -> MoleculeState:
            times.append(t)
            return interpolate(schedules, noise, data, t)

        with monkeypatch.context() as patched:
            patched.setattr(module, "interpolate", recorded)
            pretrain(few, CONFIG, replace(options, steps=120), tmp_path / str(options.time_logits))
        return torch.cat(times)

    uniform = drawn(replace(OPTIONS, time_logits=None))
    assert 0.005 <= float(uniform.min()) < 0.05
    assert 0.95 < float(uniform.max()) <= 0.995
    assert stats.kstest((uniform - 0.005) / 0.99, "uniform").pvalue > 1e-4
    assert stats.kstest(torch.logit(drawn(OPTIONS)), "norm", (0.5, 0.8)).pvalue > 1e-4


@pytest.mark.parametrize(
    "wrong",
    [{"objective": "best"}, {"optimiser": "sgd"}, {"coupling": "none"}, {"time_logits": (0.0, 0.0)}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_choices_there_are_not(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PretrainOptions(**wrong)


def test_about_half_of_the_molecules_are_reflected(
    few: MoleculeDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs: list[float] = []
    originals = [few.gather(few.indices(size=int(size))) for size in few.size_histogram()[0]]

    def recorded(schedules, noise: MoleculeState, data: MoleculeState, t: Tensor) -> MoleculeState:
        (same_size,) = (batch for batch in originals if batch.types.shape[1] == data.positions.shape[1])
        known = torch.from_numpy(same_size.positions)
        for positions in data.positions:
            matches = [sign for sign in (1.0, -1.0) for original in known if torch.equal(sign * original, positions)]
            assert len(matches) == 1
            signs.append(matches[0])
        return interpolate(schedules, noise, data, t)

    monkeypatch.setattr(module, "interpolate", recorded)
    pretrain(few, CONFIG, replace(OPTIONS, steps=30), tmp_path)
    assert abs(sum(signs)) < 4 * len(signs) ** 0.5


def test_the_callers_random_stream_is_left_alone(few: MoleculeDataset, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    pretrain(few, CONFIG, replace(OPTIONS, steps=1), tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_large_molecules_come_in_smaller_batches(dataset: MoleculeDataset) -> None:
    bounded = list(one_size_batches(dataset, "train", 16, np.random.default_rng(0), max_pairs=1000))
    assert sum(len(batch.types) for batch in bounded) == len(dataset)
    for batch in bounded:
        count, n = batch.types.shape
        assert count <= 16
        assert count * n * n <= 1000 or count == 1
    alone = one_size_batches(dataset, "train", 16, np.random.default_rng(0), max_pairs=1)
    assert all(len(batch.types) == 1 for batch in alone)
    free, wide = (
        list(one_size_batches(dataset, "train", 16, np.random.default_rng(0), bound)) for bound in (None, 10**6)
    )
    for one, other in zip(free, wide, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)
