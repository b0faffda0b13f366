"""A checkpoint over tokens in upstream's layout becomes a model that predicts and samples what upstream recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from molvm.errors import ModelError
from molvm.models.flowmol.ctmc.model import CtmcModel
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.published.catalogue import PUBLISHED, QM9_ELEMENTS
from molvm.models.flowmol.published.checkpoint import Checkpoint
from molvm.models.flowmol.published.convert import convert
from molvm.models.flowmol.published.ctmc import chain_options, ctmc_config
from molvm.models.hub import load_model, save_model
from tests.models.flowmol.published.token_folder import Change, token_folder
from tests.models.flowmol.upstream import TOKEN_CASES, UpstreamCase, hyper_parameters, largest_difference, load_record


def converted(folder: Path, case: str, change: Change | None = None) -> CtmcModel:
    model = convert(token_folder(folder, case, change))
    assert isinstance(model, CtmcModel)
    return model


def setting(section: str, **changes: Any) -> Change:
    """A checkpoint with other settings in a section of its hyper-parameters, or at their top."""

    def change(content: dict[str, Any]) -> dict[str, Any]:
        values = content["hyper_parameters"]
        (values[section] if section else values).update(changes)
        return content

    return change


@pytest.mark.parametrize("case", TOKEN_CASES)
def test_it_predicts_what_upstream_does_also_from_our_directory(case: str, tmp_path: Path) -> None:
    model = converted(tmp_path / "published" / case, case)
    save_model(model, tmp_path / "ours")
    loaded = load_model(tmp_path / "ours", precision="float32")
    assert isinstance(loaded, CtmcModel)
    assert loaded.options == model.options
    recorded = UpstreamCase(load_record(case), loaded.network)
    entry = "endpoint_infer_selfcond" if loaded.config.self_conditioning else "endpoint_infer"
    for forward in recorded.record["forward"]:
        previous = recorded.state(forward["prev"], torch.float32) if "prev" in forward else None
        found = loaded.predict_endpoint(recorded.state(forward["x_t"], torch.float32), forward["t"], previous)
        assert largest_difference(found, recorded.state(forward[entry], torch.float32)) <= 1e-4


def test_what_is_known_of_version_2(tmp_path: Path) -> None:
    model = converted(tmp_path / "mine", "v20_tiny_ctmc")
    assert model.card["dataset"] == "qm9"
    assert model.card["weights"] == "last of the training"
    assert model.card["source"]["published_as"] is None
    assert sum(model.sizes.counts) == 97_734
    assert (model.options.eta, model.options.hc_thresh, model.options.steps) == (10.0, 0.0, 249)
    assert not model.config.fake_atoms
    assert model.config.n_tokens == (6, 7, 6)


def test_what_is_known_of_version_3(tmp_path: Path) -> None:
    model = converted(tmp_path / "mine", "v31_tiny")
    assert model.card["dataset"] == "geom"
    assert sum(model.sizes.counts) == 5_730_535
    assert (model.options.eta, model.options.hc_thresh, model.options.temperature) == (30.0, 0.9, 0.05)
    assert model.config.fake_atoms
    assert model.config.n_tokens == (12, 7, 5)
    assert model.config.message_norm == 1.0


def test_a_published_name_is_sampled_as_its_authors_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The released geom_ctmc was trained with other settings than it is sampled with."""
    # The recorded case knows the elements of QM9.
    monkeypatch.setitem(PUBLISHED, "geom_ctmc", replace(PUBLISHED["geom_ctmc"], elements=QM9_ELEMENTS))
    model = converted(tmp_path / "geom_ctmc", "v20_tiny_ctmc")
    assert (model.options.eta, model.options.hc_thresh) == (30.0, 0.9)
    by_file = convert(tmp_path / "geom_ctmc" / "checkpoints" / "last.ckpt")
    assert isinstance(by_file, CtmcModel)
    assert by_file.options == model.options
    by_name = convert(token_folder(tmp_path / "dl", "v20_tiny_ctmc"), "geom_ctmc")
    assert isinstance(by_name, CtmcModel)
    assert by_name.options == model.options
    other_name = convert(tmp_path / "geom_ctmc", "mine")
    assert isinstance(other_name, CtmcModel)
    assert (other_name.options.eta, other_name.options.hc_thresh) == (10.0, 0.0)


def test_recorded_ways_of_sampling_are_kept(tmp_path: Path) -> None:
    change = setting("vector_field_config", dfm_type="gat", cat_temperature_schedule="decay")
    options = converted(tmp_path / "mine", "v31_tiny", change).options
    assert (options.sampler, options.temperature) == ("gat", "decay")


def test_settings_that_say_nothing_are_upstreams_defaults() -> None:
    recorded = hyper_parameters(load_record("v31_tiny"))
    nothing = dict.fromkeys(
        ("stochasticity", "high_confidence_threshold", "dfm_type", "cat_temperature_schedule"), None
    )
    settings = {
        **recorded,
        "default_n_timesteps": 1,
        "vector_field_config": {**recorded["vector_field_config"], **nothing},
    }
    assert chain_options(Checkpoint(Path("a.ckpt"), settings, {}, averaged=False), {}) == ChainOptions(
        steps=1, sampler="campbell", eta=0.0, hc_thresh=0.0, temperature=0.05
    )
    settings["default_n_timesteps"] = None
    assert chain_options(Checkpoint(Path("a.ckpt"), settings, {}, averaged=False), {}).steps == 249


@pytest.mark.parametrize("layout", ["list", "names"])
def test_an_average_of_the_weights_comes_first(layout: str, tmp_path: Path) -> None:
    """As upstream's callback records it, a list in the order of the weights; or by their names."""

    def with_average(content: dict[str, Any]) -> dict[str, Any]:
        names = list(content["state_dict"])
        shadow = [
            torch.full_like(value, number / len(names)) for number, value in enumerate(content["state_dict"].values())
        ]
        state = {"decay": 0.999, "num_updates": 7, "shadow_params": shadow, "collected_params": None}
        if layout == "names":
            state["shadow_params"] = dict(zip(names, shadow, strict=True))
        return {**content, "callbacks": {"ExponentialMovingAverage": {"exponential_moving_average": state}}}

    model = converted(tmp_path / "mine", "v20_tiny_ctmc", with_average)
    assert model.card["weights"] == "moving average of the training"
    names = [name.removeprefix("vector_field.") for name in load_record("v20_tiny_ctmc")["state_dict"]]
    for name, parameter in model.network.named_parameters():
        expected = torch.tensor(names.index(name) / len(names))
        assert bool((parameter == expected).all())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("", parameterization="dirichlet"), "'dirichlet'"),
        (setting("vector_field_config", n_hidden_scalars=32), "do not fit the settings"),
        (setting("vector_field_config", message_norm="median"), "not those of FlowMol"),
    ],
    ids=["kind", "width", "word"],
)
def test_folders_of_another_kind_are_refused(change: Change, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        convert(token_folder(tmp_path / "mine", "v31_tiny", change))
    assert "Allowed: " in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("interpolant_scheduler_config", schedule_type=dict.fromkeys("xace", "cosine")), "schedules cosine"),
        (setting("prior_config", a={"type": "uniform-simplex", "kwargs": {}}), "'a': 'uniform-simplex'"),
        (setting("vector_field_config", attention=True), "attention = True"),
        (setting("vector_field_config", use_dst_feats=True), "without use_dst_feats"),
        (setting("", exclude_charges=True), "without exclude_charges"),
    ],
    ids=["schedule", "prior", "attention", "destination", "charges"],
)
def test_settings_of_another_kind_are_refused(change: Change, said: str) -> None:
    content = change({"hyper_parameters": hyper_parameters(load_record("v31_tiny"))})
    with pytest.raises(ModelError, match=said) as caught:
        ctmc_config(Checkpoint(Path("a.ckpt"), content["hyper_parameters"], {}, averaged=False))
    assert "Allowed: " in str(caught.value)


def test_every_published_name_says_what_is_known() -> None:
    for name in ("qm9_ctmc", "geom_ctmc", "flowmol3", "fm3_nofa", "fm3_distort_extreme"):
        assert "not known here" in PUBLISHED[name].known()
    assert PUBLISHED["flowmol3"].known() == "about 65 MB, SHA-256 not known here"
    assert PUBLISHED["flowmol3"].url("flowmol3").endswith("/FlowMol/trained_models_v3.1/flowmol3/")
    assert PUBLISHED["geom_ctmc"].url("geom_ctmc").endswith("/FlowMol/trained_models_v02/geom_ctmc/")
    assert len([name for name in PUBLISHED if name.startswith("fm3_")]) == 23
