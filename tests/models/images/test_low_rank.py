from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import diffusers
import pytest
import torch

from molvm.errors import ConfigError
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.low_rank import ATTENTION, LowRankAdapter
from tests.runs.tiny import tiny_model

Load = Callable[..., DenoiserModel]


def states(model: DenoiserModel) -> tuple[object, torch.Tensor]:
    return model.noise(None, 2, torch.Generator().manual_seed(1)), torch.tensor([0.3, 0.7])


def taught(adapter: LowRankAdapter) -> None:
    """Weights as after some training."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in adapter.parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))


@pytest.mark.parametrize("family", ["pixels", "dit", "sd15", "sd3"])
def test_it_starts_as_the_base_learns_and_leaves_the_base_alone(load: Load, family: str) -> None:
    model = load(family)
    x, t = states(model)
    base = model.predict_endpoint(x, t).x  # type: ignore[arg-type]
    adapter = LowRankAdapter(model)
    assert not bool(adapter(x, t).x.any())
    adapter.endpoint(x, t).x.square().sum().backward()
    moved = [weight for weight in adapter.parameters() if weight.grad is not None and bool(weight.grad.any())]
    assert len(moved) >= len(list(adapter.parameters())) / 4  # A has no gradient while B is zero
    taught(adapter)
    assert not torch.allclose(adapter.endpoint(x, t).x, base)
    assert torch.equal(model.predict_endpoint(x, t).x, base)  # type: ignore[arg-type]
    assert not any(weight.requires_grad for weight in model.network.parameters())
    trained = {id(weight) for weight in adapter.parameters()}
    assert {id(weight) for weight in adapter.network.parameters() if weight.requires_grad} == trained


def test_it_shares_the_weights_of_the_base(load: Load) -> None:
    model = load("dit")
    adapter = LowRankAdapter(model)
    theirs = {weight.data_ptr() for weight in adapter.network.parameters()}
    assert {weight.data_ptr() for weight in model.network.parameters()} <= theirs
    assert sum(each.numel() for each in adapter.state_dict().values()) == 2 * 4 * 4 * 2 * 16


@pytest.mark.parametrize(("family", "kind"), [("sd15", "StableDiffusionPipeline"), ("sd3", "StableDiffusion3Pipeline")])
def test_diffusers_loads_what_is_saved(
    load: Load, folders: dict[str, Path], tmp_path: Path, family: str, kind: str
) -> None:
    model = load(family)
    adapter = LowRankAdapter(model, rank=2, alpha=6.0)
    taught(adapter)
    adapter.save(tmp_path / "adapter")
    absent = {"text_encoder_3": None, "tokenizer_3": None} if family == "sd3" else {"safety_checker": None}
    pipeline = getattr(diffusers, kind).from_pretrained(folders[family], **absent)
    pipeline.load_lora_weights(tmp_path / "adapter")
    x, t = states(model)
    theirs = load(family)
    theirs.denoiser.network = pipeline.unet if family == "sd15" else pipeline.transformer
    torch.testing.assert_close(theirs.predict_endpoint(x, t).x, adapter.endpoint(x, t).x)  # type: ignore[arg-type]


def test_weights_go_back_and_others_are_refused(load: Load) -> None:
    first, second, other = (LowRankAdapter(load("dit"), rank=rank) for rank in (2, 2, 3))
    taught(first)
    second.load_state_dict(first.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    with pytest.raises(RuntimeError, match="size mismatch"):
        other.load_state_dict(first.state_dict())


def test_the_weights_of_a_base_in_bfloat16_are_float32(load: Load) -> None:
    model = load("dit")
    model.network.bfloat16()
    adapter = LowRankAdapter(model)
    taught(adapter)
    assert {weight.dtype for weight in adapter.parameters()} == {torch.float32}
    x, t = states(model)
    assert bool(adapter.endpoint(x, t).x.isfinite().all())


def test_what_cannot_be_adapted_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="rank of the adapter is 0"):
        LowRankAdapter(load("dit"), rank=0)
    for model, targets in ((load("dit"), ["no_such_layer"]), (tiny_model(), ATTENTION)):
        with pytest.raises(ConfigError, match="no linear layers of attention") as caught:
            LowRankAdapter(model, targets=targets)
        for word in ("StableDiffusion3Pipeline", "DiTPipeline", "objective.trains = full"):
            assert word in str(caught.value)
