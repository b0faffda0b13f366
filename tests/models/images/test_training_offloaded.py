"""Adapted weights and offload together: whatever computes, forward or back, is on the device at that time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import molvm
from molvm.errors import ConfigError
from molvm.models.images.placement import Placement
from molvm.runs.run import Run

DEVICE = "cpu:0"
"""The processor by another name stands for another device."""

ASKED = {"dit": {"classes": ["goldfish", "7"]}, "sd3": {"prompts": ["a cat", "the dog"]}, "pixels": {}}


class Watch:
    """Notes which networks have been moved, and what has computed while its network was not on the device."""

    def __init__(self) -> None:
        self.roots: dict[nn.Module, nn.Module] = {}
        self.placement: Placement | None = None
        self.astray: set[str] = set()
        self.backward = 0

    def ready(self, placement: Placement, networks: tuple[nn.Module, ...]) -> None:
        self.placement = placement
        for root in networks:
            self.roots |= dict.fromkeys(root.modules(), root)

    def computed(self, module: nn.Module, _: Any, output: object) -> None:
        if module not in self.roots:
            return
        self.check(module, "forward")
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(lambda _: self.differentiated(module))

    def differentiated(self, module: nn.Module) -> None:
        self.backward += 1
        self.check(module, "backward")

    def check(self, module: nn.Module, way: str) -> None:
        assert self.placement is not None
        if self.roots[module] not in self.placement.there:
            self.astray.add(f"{way} of {type(self.roots[module]).__name__}")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    found, ready = Watch(), Placement.ready

    def noted(self: Placement, *networks: nn.Module) -> dict[str, Any]:
        found.ready(self, networks)
        return ready(self, *networks)

    monkeypatch.setattr(Placement, "ready", noted)
    handle = nn.modules.module.register_module_forward_hook(found.computed)
    yield found
    handle.remove()


def train(
    folder: Path, out: Path, family: str, trains: str, objective: str, *, offload: bool = True, **options: object
) -> Run:
    return molvm.train(
        folder,
        "brightness",
        out=out,
        objective=objective,
        strength=50,
        iterations=2,
        batch_size=2,
        steps=3,
        value_size="A",
        workers=1,
        settings={
            "objective": {"trains": trains, **options},
            "model": {"precision": "float32", "device": DEVICE, "offload": offload, **ASKED[family]},
            "training": {"updates": 1, "learning_rate": 1e-2},
        },
    )


OBJECTIVES: list[tuple[str, str, dict[str, object]]] = [
    ("dit", "adjoint_matching", {}),
    ("sd3", "adjoint_matching", {"adjoint": "basic"}),
    ("sd3", "vgg_flow", {}),
    ("dit", "draft", {"last_steps": 0}),
    ("dit", "ddpo", {}),
    ("sd3", "dpok", {}),
]


@pytest.mark.parametrize("trains", ["lora", "full"])
@pytest.mark.parametrize(("family", "objective", "options"), OBJECTIVES)
def test_everything_computes_on_the_device(
    folders: dict[str, Path],
    tmp_path: Path,
    watch: Watch,
    family: str,
    objective: str,
    options: dict[str, object],
    trains: str,
) -> None:
    run = train(folders[family], tmp_path / "run", family, trains, objective, **options)
    assert watch.backward > 0
    assert watch.astray == set()
    assert len(run.sample(2, seed=1).molecules) == 2
    assert watch.astray == set()


def test_it_makes_no_difference(folders: dict[str, Path], tmp_path: Path) -> None:
    ends = []
    for offload in (True, False):
        run = train(folders["sd3"], tmp_path / str(offload), "sd3", "lora", "adjoint_matching", offload=offload)
        ends.append(run.objective().state_dict())
        assert (run.path / "adapter" / "pytorch_lora_weights.safetensors").is_file()
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())


@pytest.mark.parametrize("trains", ["lora", "full"])
def test_a_gradient_through_denoiser_and_decoder_is_refused(
    folders: dict[str, Path], tmp_path: Path, trains: str
) -> None:
    with pytest.raises(ConfigError, match=r"one of them is not on the device") as caught:
        train(folders["sd3"], tmp_path / "run", "sd3", trains, "refl")
    assert "model.offload = false" in str(caught.value.remedy)
    assert not (tmp_path / "run").exists()


def test_of_pixels_it_is_not(folders: dict[str, Path], tmp_path: Path, watch: Watch) -> None:
    train(folders["pixels"], tmp_path / "pixels", "pixels", "lora", "refl")
    train(folders["sd3"], tmp_path / "residual", "sd3", "residual", "refl")
    assert watch.astray == set()


def test_a_network_comes_with_those_that_it_is_kept_together_with(make: Callable[[], nn.Module]) -> None:
    one, two, other = make(), make(), make()
    placement = Placement(DEVICE, offload=True)
    placement.keep_together(one, two, one)
    placement.ready(two)
    assert placement.there == (one, two)
    placement.ready(other)
    assert placement.there == (other,)
    placement.ready(one, two)
    assert placement.there == (one, two)


@pytest.fixture
def make() -> Callable[[], nn.Module]:
    return lambda: nn.Linear(1, 1)
