"""Where networks compute, told by what is asked to move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from molvm.errors import ModelError
from molvm.models.hub import load_model
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.denoiser import DenoiserModel
from molvm.models.images.placement import Placement, devices

MOVES = [("one", "cpu:0"), ("one", "cpu"), ("two", "cpu:0"), ("three", "cpu:0"), ("two", "cpu"), ("three", "cpu")]
"""The processor by another name stands for another device."""


class Recorded(nn.Linear):
    def __init__(self, name: str, moves: list[tuple[str, str]]) -> None:
        super().__init__(1, 1, dtype=torch.bfloat16)
        self.name, self.moves = name, moves

    def to(self, device: Any) -> Any:
        self.moves.append((self.name, str(device)))
        return super().to(device)


@pytest.mark.parametrize(
    ("offload", "expected"), [(True, MOVES), (False, [move for move in MOVES if move[1] != "cpu"])]
)
def test_with_offload_only_what_is_used_is_on_the_device(offload: bool, expected: list[tuple[str, str]]) -> None:
    moves: list[tuple[str, str]] = []
    one, two, three = (Recorded(name, moves) for name in ("one", "two", "three"))
    placement = Placement("cpu:0", offload=offload)
    for _ in range(3):  # along a path it stays
        assert placement.ready(one) == {"device": torch.device("cpu"), "dtype": torch.bfloat16}
    placement.ready(two, three)
    assert placement.there == (two, three)
    placement.release()
    assert placement.there == ()
    assert moves == expected


@pytest.mark.parametrize("family", ["pixels", "dit", "sd15", "sd3"])
def test_a_model_offloads_from_text_to_denoiser_to_decoder(
    load: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    texts = ("a cat", "the dog") if family.startswith("sd") else ()
    asked = Conditioning(texts, ("goldfish", "7") if family == "dit" else ())
    used, ready = [], Placement.ready

    def noted(self: Placement, *networks: nn.Module) -> dict[str, Any]:
        used.append(type(networks[0]).__name__)
        return ready(self, *networks)

    monkeypatch.setattr(Placement, "ready", noted)
    model = load_model(
        folders[family], precision="float32", conditioning=asked, placement=Placement("cpu:0", offload=True)
    )
    assert isinstance(model, DenoiserModel)
    assert model.denoiser.placement.there == ()  # the text encoders have gone
    x, t = model.noise(None, 3, torch.Generator().manual_seed(0)), torch.full((3,), 0.5)
    endpoint = model.predict_endpoint(x, t)
    assert model.denoiser.placement.there == (model.network,)
    images = model.decode(endpoint)
    encoders = [name for name in used if "Text" in name]
    assert bool(encoders) == bool(texts)
    assert used[len(encoders)] == type(model.network).__name__
    assert ("AutoencoderKL" in used) == (family != "pixels")
    expected = load(family)
    torch.testing.assert_close(endpoint.x, expected.predict_endpoint(x, t).x)
    pixels = [np.stack([image.pixels for image in each]).astype(int) for each in (images, expected.decode(endpoint))]
    assert np.abs(pixels[0] - pixels[1]).max() <= 1


def test_a_device_that_is_not_here_is_told(folders: dict[str, Path]) -> None:
    for name in ("nowhere", "xpu", "meta"):
        with pytest.raises(ModelError, match=f"no device '{name}'") as caught:
            Placement(name)
        assert caught.value.allowed == ", ".join(devices())
    assert devices()[0] == "cpu"
    with pytest.raises(ModelError, match="computes on the processor"):
        load_model("digits", placement=Placement(offload=True))
