"""Methods that train published models by low-rank adapters, from the command to the file that diffusers loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import diffusers
import peft
import pytest
import torch
from safetensors.torch import load_file

import molvm
from molvm.digests import sha256_of
from molvm.models.fine_tuning import FineTuning
from molvm.models.images.denoiser import DenoiserModel
from molvm.runs.run import Run
from molvm.training.checkpoint import load_checkpoint

ASKED = {"dit": {"classes": ["goldfish", "7"]}, "sd3": {"prompts": ["a cat", "the dog"]}}
SMALL = {"checkpoint_every": 1, "learning_rate": 1e-2}


def train(folder: Path, out: Path, family: str, objective: str, iterations: int = 3) -> Run:
    return molvm.train(
        folder,
        "brightness",
        out=out,
        objective=objective,
        strength=50,
        iterations=iterations,
        batch_size=2,
        steps=4,
        value_size="A",
        workers=1,
        settings={
            "objective": {"trains": "lora", "lora_rank": 2},
            "training": SMALL,
            "model": {"precision": "float32", **ASKED[family]},
        },
    )


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256_of(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("family", ["dit", "sd3"])
@pytest.mark.parametrize("objective", ["adjoint_matching", "vgg_flow"])
def test_three_steps_resume_to_the_last_bit_and_leave_the_base_alone(
    folders: dict[str, Path], tmp_path: Path, family: str, objective: str
) -> None:
    before = digests(folders[family])
    whole = train(folders[family], tmp_path / "whole", family, objective)
    train(folders[family], tmp_path / "parts", family, objective, iterations=1)
    parts = molvm.resume(tmp_path / "parts", iterations=3)
    ends = [load_checkpoint(run.path / "checkpoints").tensors for run in (whole, parts)]
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())
    learned = {name: tensor for name, tensor in ends[0].items() if name.startswith("objective.control.features")}
    assert all("lora_" in name for name in learned)
    assert all(bool(tensor.any()) for tensor in learned.values())
    assert digests(folders[family]) == before
    once, again = (run.sample(2, seed=1).molecules for run in (whole, parts))
    assert all((a.pixels == b.pixels).all() for a, b in zip(once, again, strict=True))


def test_diffusers_loads_the_adapter_of_a_run(
    folders: dict[str, Path], load: Callable[..., DenoiserModel], tmp_path: Path
) -> None:
    run = train(folders["sd3"], tmp_path / "run", "sd3", "adjoint_matching")
    pipeline = diffusers.StableDiffusion3Pipeline.from_pretrained(folders["sd3"], text_encoder_3=None, tokenizer_3=None)
    pipeline.load_lora_weights(run.path / "adapter")
    ours, theirs = run.objective().control.features, load("sd3")
    theirs.denoiser.network = pipeline.transformer
    x, t = theirs.noise(None, 2, torch.Generator().manual_seed(1)), torch.tensor([0.3, 0.7])
    assert bool(ours(x, t).x.any())
    torch.testing.assert_close(theirs.predict_endpoint(x, t).x, ours.endpoint(x, t).x)


def test_peft_loads_the_adapter_of_a_transformer_that_diffusers_gives_none(
    folders: dict[str, Path], load: Callable[..., DenoiserModel], tmp_path: Path
) -> None:
    run = train(folders["dit"], tmp_path / "run", "dit", "adjoint_matching")
    ours, theirs = run.objective().control.features, load("dit")
    weights = load_file(run.path / "adapter" / "pytorch_lora_weights.safetensors")
    settings = peft.LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k", "to_v", "to_out.0"])
    peft.inject_adapter_in_model(settings, theirs.network, adapter_name="theirs")
    names = {name.removeprefix("transformer."): each for name, each in weights.items()}
    missed = peft.set_peft_model_state_dict(theirs.network, names, adapter_name="theirs")
    assert not missed.unexpected_keys
    x, t = theirs.noise(None, 2, torch.Generator().manual_seed(1)), torch.tensor([0.3, 0.7])
    torch.testing.assert_close(theirs.predict_endpoint(x, t).x, ours.endpoint(x, t).x)


@pytest.mark.parametrize("family", ["pixels", "sd15"])
def test_all_weights_of_a_published_model_can_be_copied_and_trained(
    load: Callable[..., DenoiserModel], family: str
) -> None:
    model = load(family)
    tuned, x, t = FineTuning.of(model), model.noise(None, 2), torch.tensor([0.3, 0.7])
    torch.testing.assert_close(tuned.endpoint(x, t).x, model.predict_endpoint(x, t).x, rtol=1e-4, atol=1e-4)
    tuned.endpoint(x, t).x.square().sum().backward()
    assert all(weight.grad is not None for weight in tuned.parameters())
    assert all(weight.grad is None for weight in model.network.parameters())
