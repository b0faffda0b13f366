from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import molvm
from molvm.datasets.drugs import build_drugs
from molvm.datasets.geom import build_geom
from molvm.datasets.qm9 import build_qm9
from molvm.datasets.registry import dataset_path, load_dataset
from molvm.errors import CheckpointError, ConfigError, OutputExistsError, UnknownNameError
from molvm.models.hub import load_model
from molvm.runs.pretraining import default_network, run_pretraining, small_network
from molvm.training.checkpoint import load_checkpoint, save_checkpoint
from tests.datasets.geom_files import write_split_pickles
from tests.runs.tiny import TINY, save_tiny

OPTIONS = {"steps": 4, "batch_size": 8, "warmup_steps": 1, "checkpoint_every": 2, "precision": "float32"}


@pytest.fixture(autouse=True)
def qm9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handful of QM9 where `molvm data qm9` would put all of it."""
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path / "home"))
    build_qm9(dataset_path("qm9"), workers=1, limit=40)


def test_the_published_model_is_the_average_and_can_be_sampled(tmp_path: Path) -> None:
    seen: list[int] = []
    model, code = run_pretraining(
        "qm9", tmp_path / "out", OPTIONS, network=TINY, report=lambda progress: seen.append(progress.step)
    )
    assert (model, code) == (tmp_path / "out" / "model", 0)
    assert seen == [1, 2, 3, 4]
    published = load_model(tmp_path / "out" / "model")
    assert published.card["steps"] == 4
    assert published.card["dataset"] == "qm9"
    assert published.card["dataset_counts"]["kept"] <= 40
    assert len(published.decode(published.noise(None, 3, torch.Generator().manual_seed(0)))) == 3
    json.dumps(published.card)
    again, _ = run_pretraining("qm9", tmp_path / "out", resume=True)
    assert again == model


def test_a_stopped_pretraining_goes_on_with_its_own_settings(tmp_path: Path) -> None:
    out = tmp_path / "out"
    model, code = run_pretraining("qm9", out, OPTIONS, network=TINY, hours=1e-9)
    assert (model, code) == (None, 0)
    with pytest.raises(OutputExistsError, match="--resume"):
        run_pretraining("qm9", out, OPTIONS, network=TINY)
    resumed, _ = run_pretraining("qm9", out, resume=True)
    assert resumed is not None
    assert load_model(resumed).card["steps"] == 4


def test_models_from_on_the_way_are_published_for_a_learning_curve(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_pretraining("qm9", out, OPTIONS, network=TINY, hours=1e-9, model_every=1)
    before = {path.name: path.stat().st_mtime_ns for path in (out / "models").iterdir()}
    run_pretraining("qm9", out, resume=True, model_every=1)
    models = {path.name: load_model(path) for path in sorted((out / "models").iterdir())}
    assert list(models) == [f"step-{step:08d}" for step in (1, 2, 3, 4)]
    assert [model.card["steps"] for model in models.values()] == [1, 2, 3, 4]
    assert all((out / "models" / name).stat().st_mtime_ns == time for name, time in before.items())
    last, whole = models["step-00000004"], load_model(out / "model")
    assert all(torch.equal(last.network.state_dict()[name], each) for name, each in whole.network.state_dict().items())


def test_a_warm_start_has_the_weights_and_shape_of_its_model(tmp_path: Path) -> None:
    start = save_tiny(tmp_path / "start")
    slow = {**OPTIONS, "steps": 1, "learning_rate": 1e-12, "ema_decay": 0.0}
    model, _ = run_pretraining("qm9", tmp_path / "out", slow, start=str(start))
    assert model is not None
    before, after = load_model(start), load_model(model)
    assert after.config == before.config
    for name, value in before.network.state_dict().items():
        torch.testing.assert_close(after.network.state_dict()[name], value, rtol=0, atol=1e-8)


def test_contradictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--from"):
        run_pretraining("qm9", tmp_path / "out", resume=True, start="qm9")
    with pytest.raises(ConfigError, match="hours"):
        run_pretraining("qm9", tmp_path / "out", hours=0)
    with pytest.raises(ConfigError, match="every 0 steps"):
        run_pretraining("qm9", tmp_path / "out", model_every=0)
    with pytest.raises(ConfigError, match="network"):
        run_pretraining("qm9", tmp_path / "out", network=TINY, start="qm9")
    with pytest.raises(UnknownNameError, match="'steps'"):
        run_pretraining("qm9", tmp_path / "out", {"step": 3})
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="cannot be written"):
        run_pretraining("qm9", tmp_path / "file" / "out", OPTIONS)


@pytest.mark.parametrize("name", ["model", "notes.txt"])
def test_only_a_free_directory_is_begun_in(tmp_path: Path, name: str) -> None:
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(OutputExistsError, match="not an empty directory"):
        run_pretraining("qm9", tmp_path / "out", OPTIONS, network=TINY)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_a_training_is_not_resumed_as_a_pretraining(tiny_path: Path, spread_reward: str, tmp_path: Path) -> None:
    how = {"iterations": 1, "batch_size": 4, "steps": 4, "value_size": "A"}
    run = molvm.train(
        tiny_path, spread_reward, out=tmp_path / "run", strength=1, settings={"reward": {"workers": 1}}, **how
    )  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"are of a training.*molvm train --resume"):
        run_pretraining("qm9", run.path, OPTIONS, resume=True)
    with pytest.raises(OutputExistsError, match="holds a run"):
        run_pretraining("qm9", run.path, OPTIONS)


def test_a_resumed_pretraining_takes_what_it_can_and_refuses_the_rest(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_pretraining("qm9", out, OPTIONS, network=TINY, hours=1e-9)
    with pytest.raises(ConfigError, match=r"batch_size, seed cannot be changed.*Allowed: steps, precision, shards"):
        run_pretraining("qm9", out, {"steps": 6, "batch_size": 8, "seed": 1}, resume=True)
    model, _ = run_pretraining("qm9", out, {"steps": 6, "shards": 2}, resume=True)
    assert model is not None
    assert load_model(model).card["steps"] == 6
    assert load_checkpoint(out / "checkpoints").metadata["options"]["shards"] == 2
    # A longer schedule would make another model, and this one would pass for it.
    with pytest.raises(OutputExistsError, match="2 steps more"):
        run_pretraining("qm9", out, {"steps": 8}, resume=True)
    model.rename(tmp_path / "first")
    run_pretraining("qm9", out, {"steps": 8}, resume=True)
    assert load_model(model).card["steps"] == 8


def test_checkpoints_with_other_settings_are_of_another_version(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_pretraining("qm9", out, OPTIONS, network=TINY, hours=1e-9)
    checkpoint = load_checkpoint(out / "checkpoints")
    del checkpoint.metadata["options"]["objective"]
    save_checkpoint(out / "checkpoints", checkpoint.step + 1, checkpoint.tensors, checkpoint.metadata)
    with pytest.raises(CheckpointError, match="another version") as caught:
        run_pretraining("qm9", out, resume=True)
    assert "--from" in str(caught.value)


def test_a_shorter_schedule_ends_the_training_where_it_is(tmp_path: Path) -> None:
    run_pretraining("qm9", tmp_path / "out", OPTIONS, network=TINY, hours=1e-9)
    model, _ = run_pretraining("qm9", tmp_path / "out", {"steps": 1}, resume=True)
    assert model is not None
    assert load_model(model).card["steps"] == 1


def test_the_default_network_is_small() -> None:
    from molvm.models.flowmol.network import FlowMolNetwork

    network = FlowMolNetwork(small_network(load_dataset("qm9")))
    assert 1e6 < sum(parameter.numel() for parameter in network.parameters()) <= 2.5e6


@pytest.mark.parametrize("name", ["drugs", "geom"])
def test_drug_like_molecules_train_a_network_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "drugs":
        monkeypatch.setattr("molvm.datasets.drugs.CHUNK", 12)
        dataset = build_drugs(dataset_path(name), workers=1, count=12)
    else:
        source = write_split_pickles(tmp_path / "source")
        dataset = build_geom(source, dataset_path(name), trust_pickle=True, workers=1)
    shape = default_network(dataset)
    assert shape.n_types == 10
    assert shape.n_bonds == 4
    assert shape.schedule_exponents == (1, 2, 2, 2)
    tiny = replace(TINY, elements=shape.elements, schedule_exponents=shape.schedule_exponents)
    model, _ = run_pretraining(name, tmp_path / "out", {**OPTIONS, "max_pairs": 3000}, network=tiny)
    assert model is not None
    published = load_model(model)
    assert published.card["dataset"] == name
    assert ("stand-in" in (published.card["dataset_note"] or "")) == (name == "drugs")
    sizes, counts = dataset.size_histogram("train")
    assert (published.sizes.sizes, published.sizes.counts) == (tuple(sizes.tolist()), tuple(counts.tolist()))
    assert len(published.decode(published.noise(None, 3, torch.Generator().manual_seed(0)))) == 3


def test_a_warm_start_may_have_other_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.datasets.drugs.CHUNK", 12)
    dataset = build_drugs(dataset_path("drugs"), workers=1, count=12)
    start = save_tiny(tmp_path / "start")
    slow = {**OPTIONS, "steps": 1, "learning_rate": 1e-12, "ema_decay": 0.0}
    model, _ = run_pretraining("drugs", tmp_path / "out", slow, start=str(start))
    assert model is not None
    before, after = load_model(start), load_model(model)
    norm = default_network(dataset).message_norm
    assert after.config == replace(before.config, elements=dataset.elements, message_norm=norm)
    assert dataset.elements[:5] == before.config.elements
    name = "scalar_embedding.0.weight"
    read, new = before.network.state_dict()[name], after.network.state_dict()[name]
    torch.testing.assert_close(new[:, :5], read[:, :5], rtol=0, atol=1e-8)


def test_qm9_keeps_its_network() -> None:
    dataset = load_dataset("qm9")
    assert default_network(dataset) == small_network(dataset)
