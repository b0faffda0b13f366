"""Models on disk: exact round trips, and clear words about anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from molvm.errors import ModelError, OutputExistsError, UnknownNameError
from molvm.models.flowmol.config import FlowMolConfig
from molvm.models.flowmol.model import FlowMolModel
from molvm.models.flowmol.network import FlowMolNetwork
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.hub import CARD_FILE, WEIGHTS_FILE, converted_home, load_model, save_model


@pytest.fixture
def model() -> FlowMolModel:
    config = FlowMolConfig(n_bonds=4, hidden_scalars=8, hidden_edges=8, vector_channels=4, molecule_updates=2)
    return FlowMolModel(FlowMolNetwork(config), SizeHistogram((3, 4), (2, 1)), "mine", {"dataset": "none"})


def test_round_trip(model: FlowMolModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "mine")
    loaded = load_model(tmp_path / "mine")
    assert (loaded.name, loaded.config, loaded.sizes) == ("mine", model.config, model.sizes)
    assert loaded.card["dataset"] == "none"
    for name, value in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value)
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())


def test_nothing_is_overwritten(model: FlowMolModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "mine")
    before = (tmp_path / "mine" / WEIGHTS_FILE).read_bytes()
    with pytest.raises(OutputExistsError):
        save_model(model, tmp_path / "mine")
    assert (tmp_path / "mine" / WEIGHTS_FILE).read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(model: FlowMolModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExistsError, match="cannot be written"):
        save_model(model, tmp_path / "file" / "mine")


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no base model named 'qm8'"):
        load_model("qm8")


def test_a_converted_published_model_is_suggested_once(
    model: FlowMolModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOLVM_HOME", str(tmp_path))
    save_model(model, converted_home() / "flowmol3")
    with pytest.raises(UnknownNameError) as caught:
        load_model("flowmol:flowmol4")
    names = str(caught.value.allowed).split(", ")
    assert "flowmol:flowmol3" in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("damage", ["flip", "truncate", "no_card", "bad_card", "other_config", "newer", "other_kind"])
def test_damage_is_found(model: FlowMolModel, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "mine"
    save_model(model, path)
    weights, card = path / WEIGHTS_FILE, path / CARD_FILE
    values = json.loads(card.read_text())
    if damage == "flip":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(bytes(data))
    elif damage == "truncate":
        weights.write_bytes(weights.read_bytes()[:100])
    elif damage == "no_card":
        card.unlink()
    elif damage == "bad_card":
        card.write_text("{")
    elif damage == "other_config":
        card.write_text(json.dumps({**values, "config": {**values["config"], "hidden_scalars": 16}}))
    elif damage == "newer":
        card.write_text(json.dumps({**values, "format_version": 99}))
    else:
        card.write_text(json.dumps({**values, "kind": "flowmol-of-tomorrow"}))
    with pytest.raises(ModelError):
        load_model(path)


@pytest.mark.parametrize("here", [["drugs"], ["drugs", "flowmol:geom_gaussian"], []])
def test_geom_is_the_original_or_a_stand_in_that_is_named(
    model: FlowMolModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    here: list[str],
) -> None:
    places = {name: tmp_path / name.replace(":", "_") for name in here}
    for place in places.values():
        save_model(model, place)
    bundled = {name: place for name, place in places.items() if ":" not in name}
    monkeypatch.setattr("molvm.models.hub.bundled_models", lambda: bundled)
    monkeypatch.setattr(
        "molvm.models.hub.converted_models", lambda: {name: places[name] for name in here if name not in bundled}
    )
    if not here:
        with pytest.raises(ModelError, match="flowmol:geom_gaussian has not been converted"):
            load_model("geom")
    else:
        assert load_model("geom").name == here[-1]
    assert [record.levelname for record in caplog.records] == (["WARNING"] if here == ["drugs"] else [])
    assert ("not on GEOM" in caplog.text) == (here == ["drugs"])
