"""A checkpoint in upstream's file layout becomes a model that predicts and samples what upstream recorded."""

from __future__ import annotations

import itertools
import pathlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from molvm.errors import InputFileError, ModelError
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import to_endpoint
from molvm.models.flowmol.published.catalogue import PUBLISHED
from molvm.models.flowmol.published.checkpoint import find_checkpoint, read_checkpoint
from molvm.models.flowmol.published.convert import convert
from molvm.models.hub import load_model, save_model
from molvm.sde.transition import euler_maruyama
from tests.models.flowmol.upstream import PARITY, UpstreamCase, largest_difference

FOLDER = PARITY / "tiny_gaussian"


@pytest.fixture(scope="module")
def model() -> FlowMolModel:
    converted = convert(FOLDER)
    assert isinstance(converted, FlowMolModel)
    return converted


@pytest.fixture(scope="module")
def expected(model: FlowMolModel) -> UpstreamCase:
    return UpstreamCase(torch.load(FOLDER / "expected.pt", weights_only=True), model.network)


def rewritten(folder: Path, change: Any) -> Path:
    """A copy of the published folder whose checkpoint went through `change`."""
    shutil.copytree(FOLDER, folder)
    path = folder / "checkpoints" / "model.ckpt"
    with torch.serialization.safe_globals([pathlib.PosixPath]):
        content = torch.load(path, weights_only=True)
    torch.save(change(content), path)
    return folder


def test_the_endpoint_is_upstreams(model: FlowMolModel, expected: UpstreamCase) -> None:
    x = expected.state(expected.record["x_t"], torch.float32)
    predicted = model.predict_endpoint(x, expected.record["t"])
    assert largest_difference(predicted, expected.state(expected.record["endpoint_infer"], torch.float32)) <= 1e-4


@torch.no_grad()
def test_so_are_the_samples(model: FlowMolModel, expected: UpstreamCase) -> None:
    x = expected.state(expected.record["prior"], torch.float32)
    grid = torch.linspace(0, 1, expected.record["n_timesteps"], dtype=torch.float64).clamp(min=1e-9)
    for t, s in itertools.pairwise(grid):
        step = euler_maruyama(model.schedules, t, s, noise_level=0.0, exact_increments=False)
        endpoint = to_endpoint(model.network(x, t.expand(len(x)).float()))
        x = x.scale(step.keep) + endpoint.scale(step.pull)
    assert largest_difference(x, expected.state(expected.record["final"], torch.float32)) <= 1e-4


def test_the_model_knows_its_data(model: FlowMolModel) -> None:
    assert model.config.elements == ("C", "H", "N", "O", "F")
    assert sum(model.sizes.counts) == 97_734
    assert model.card["dataset"] == "qm9"
    assert model.card["weights"] == "last of the training"
    assert model.card["source"]["published_as"] is None


def test_a_converted_model_is_saved_and_loaded(model: FlowMolModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "mine")
    loaded = load_model(tmp_path / "mine", precision="float32")
    x = model.noise(torch.tensor([4, 6]), 2, torch.Generator().manual_seed(0))
    t = torch.tensor([0.3, 0.8])
    assert largest_difference(loaded.predict_endpoint(x, t), model.predict_endpoint(x, t)) == 0


def test_an_average_of_the_weights_comes_first(tmp_path: Path) -> None:
    def with_average(content: dict[str, Any]) -> dict[str, Any]:
        shadow = {name: torch.full_like(value, 0.25) for name, value in content["state_dict"].items()}
        return {**content, "callbacks": {"exponential_moving_average": {"shadow_params": shadow}}}

    averaged = convert(rewritten(tmp_path / "averaged", with_average))
    assert averaged.card["weights"] == "moving average of the training"
    assert all(bool((parameter == 0.25).all()) for parameter in averaged.network.parameters())


class Hostile:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_hostile_checkpoint_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    folder = rewritten(tmp_path / "hostile", lambda content: {**content, "callbacks": {"evil": Hostile(mark)}})
    with pytest.raises(InputFileError, match="cannot be read safely"):
        convert(folder)
    assert not mark.exists()


def test_refusals_are_in_our_own_words(tmp_path: Path) -> None:
    """Torch's own advise how to load a hostile file all the same."""
    path = tmp_path / "hostile.ckpt"
    for content, said in (
        ({"state_dict": {}, "evil": Hostile(tmp_path / "mark")}, "it asks for `getattr`, which is refused; nothing in"),
        ([1], "it is no Lightning checkpoint: it has no state_dict"),
        ({"state_dict": {}}, "it has no hyper_parameters"),
        (None, "it is damaged, or holds something else"),
    ):
        torch.save(content, path) if content else path.write_text("Please file an issue\x1b[31m")
        with pytest.raises(InputFileError, match="cannot be read safely") as caught:
            read_checkpoint(path)
        assert said in str(caught.value)
        for advice in ("weights_only", "can still be loaded", "add_safe_globals", "file an issue", "\x1b"):
            assert advice not in str(caught.value)


def test_a_recorded_average_without_weights_leaves_the_last_ones(
    tmp_path: Path, model: FlowMolModel, caplog: pytest.LogCaptureFixture
) -> None:
    def decay_alone(content: dict[str, Any]) -> dict[str, Any]:
        return {**content, "callbacks": {"exponential_moving_average": {"decay": 0.99}}}

    found = convert(rewritten(tmp_path / "decay", decay_alone))
    assert found.card["weights"] == "last of the training"
    assert "holds none; its last weights are taken" in caplog.text
    for name, value in model.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], value)


def test_a_damaged_or_missing_checkpoint(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "cut")
    path = tmp_path / "cut" / "checkpoints" / "model.ckpt"
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(InputFileError, match="cannot be read safely"):
        read_checkpoint(path)
    with pytest.raises(InputFileError, match="no checkpoint"):
        find_checkpoint(tmp_path)
    for name in ("a.ckpt", "b.ckpt"):
        (tmp_path / name).touch()
    with pytest.raises(InputFileError, match="several checkpoints"):
        find_checkpoint(tmp_path)
    assert find_checkpoint(tmp_path / "a.ckpt") == tmp_path / "a.ckpt"


def test_models_of_another_kind_are_refused(tmp_path: Path) -> None:
    def marginal(content: dict[str, Any]) -> dict[str, Any]:
        content["hyper_parameters"]["prior_config"]["a"]["type"] = "marginal"
        return content

    with pytest.raises(ModelError, match="'marginal'"):
        convert(rewritten(tmp_path / "marginal", marginal))

    def another_width(content: dict[str, Any]) -> dict[str, Any]:
        content["hyper_parameters"]["vector_field_config"]["n_hidden_scalars"] = 32
        return content

    with pytest.raises(ModelError, match="do not fit the settings"):
        convert(rewritten(tmp_path / "width", another_width))

    def no_settings(content: dict[str, Any]) -> dict[str, Any]:
        return {**content, "hyper_parameters": {}}

    with pytest.raises(ModelError, match="not those of FlowMol"):
        convert(rewritten(tmp_path / "bare", no_settings))


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_what_is_not_converted_says_how_to_get_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load_model(f"flowmol:{name}")
    for word in (
        PUBLISHED[name].url(name),
        "https://bits.csb.pitt.edu/files/FlowMol/",
        "SHA-256",
        "molvm models convert",
    ):
        assert word in str(caught.value)
