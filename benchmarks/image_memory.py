"""How training's memory grows with the batch: `python benchmarks/image_memory.py --out FILE`.

Transformers over latents with random weights, from tiny to the width of DiT-B, of 12 and of 24 layers. Each number is
of a process of its own: the largest resident set less that before the work, of

* `value_matching`: one whole iteration, roll out in 2 steps, decode, learn, with the value network of size A;
* `fine_tuning`: one pass of the whole batch with a graph through the base, and back (ReFL's, DRaFT-1's).

The base runs without a graph in portions of 2 here, instead of 16, so that small batches show what a portion's size
does not. The slope is that of the least-squares line over the batches.

`--dit-xl 8 16 --precision bfloat16` measures one iteration of Value Matching with the shape of DiT-XL/2 and of its
decoder instead (random weights, 4 x 32 x 32 latents, value network of size B, portions as they are), each batch in a
process of its own, and puts what `molvm doctor --memory dit` says beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiTPipeline,
    DiTTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
)

from molvm.images.image import Image
from molvm.models.images import denoiser
from molvm.models.images.conditioning import Conditioning
from molvm.models.images.dit import DitDenoiser
from molvm.models.images.placement import Placement
from molvm.models.images.stable_diffusion_3 import StableDiffusion3Denoiser
from molvm.objectives import ValueMatching
from molvm.rewards.base import Outcome
from molvm.runs.architectures import ARCHITECTURES
from molvm.runs.memory import estimate_memory
from molvm.sde import SamplingOptions
from molvm.training.trainer import Trainer, TrainerOptions
from molvm.values.ladder import build_features

PORTION = 2
SIZE = 16
"""Latents a side; patches of 2 make 64 tokens."""

SHAPES = {
    "dit tiny": ("dit", 2, 2),
    "dit S": ("dit", 12, 6),
    "dit B": ("dit", 12, 12),
    "dit B, twice as deep": ("dit", 24, 12),
    "sd3 small": ("sd3", 6, 6),
    "sd3 small, twice as deep": ("sd3", 12, 6),
}
"""Family, layers, heads of 64."""

BATCHES = {"value_matching": (8, 16, 32), "fine_tuning": (1, 2, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--dit-xl", nargs="*", type=int, metavar="BATCH", help="measure DiT-XL/2's shape instead")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16", help="of DiT-XL/2")
    parser.add_argument("--steps", type=int, default=2, help="of DiT-XL/2's paths")
    parser.add_argument("--in-this-process", action="store_true", help="measure one batch of DiT-XL/2 and print it")
    parser.add_argument("--child", nargs=3, metavar=("SHAPE", "WORK", "BATCH"), help="measure one number and print it")
    options = parser.parse_args()
    if options.child is not None:
        shape, work, batch = options.child
        print(measured(shape, work, int(batch)))
        return
    if options.in_this_process:
        print(json.dumps(measured_dit_xl(options.dit_xl[0], options.steps, options.precision)))
        return
    record = json.loads(options.out.read_text()) if options.out is not None and options.out.is_file() else {}
    for batch in options.dit_xl or ():
        record[f"dit XL, {options.precision}, {batch}"] = dit_xl_in_a_process(batch, options.steps, options.precision)
        if options.out is not None:
            options.out.write_text(json.dumps(record, indent=1) + "\n")
    if options.dit_xl:
        return
    for shape in options.shapes:
        record[shape] = {work: line(shape, work) for work in BATCHES}
        if options.out is not None:
            options.out.write_text(json.dumps(record, indent=1) + "\n")


def line(shape: str, work: str) -> dict[str, Any]:
    """MB at each batch, and MB an image."""
    peaks = {}
    for batch in BATCHES[work]:
        child = [sys.executable, __file__, "--child", shape, work, str(batch)]
        done = subprocess.run(child, capture_output=True, text=True, check=True)
        peaks[batch] = float(done.stdout.split()[-1])
    slope = float(np.polyfit(list(peaks), list(peaks.values()), 1)[0])
    print(f"{shape}, {work}: {peaks}, {slope:.1f} MB an image", flush=True)
    return {"MB": peaks, "MB_an_image": slope}


def measured(shape: str, work: str, batch: int) -> float:
    """MB above the idle process."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    denoiser.IMAGES_AT_ONCE = PORTION
    model = denoiser.DenoiserModel(base(*SHAPES[shape]), shape)
    if work == "fine_tuning":
        model.network.requires_grad_(True)
        x, t = model.noise(None, batch), torch.full((batch,), 0.5)
        before = peak()
        model.endpoint_by(model.network, x, t).x.mean().backward()
        return peak() - before
    features = build_features(model, "A")
    objective = ValueMatching.build(features, model.schedules, 1.0, conditions=model.conditions)
    settings = TrainerOptions(iterations=1, batch_size=batch, sampling=SamplingOptions(steps=2, transition="ddim"))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, objective, brightness, settings, strength=1.0, floor=0.0, checkpoints=Path(folder))
        before = peak()
        trainer.run()
        return peak() - before


def dit_xl_in_a_process(batch: int, steps: int, precision: str) -> dict[str, float]:
    """What `measured_dit_xl` finds in a new process."""
    child = [sys.executable, __file__, "--in-this-process", "--dit-xl", str(batch)]
    child += ["--steps", str(steps), "--precision", precision]
    done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(batch, found, flush=True)
    return found


def measured_dit_xl(batch: int, steps: int, precision: str) -> dict[str, float]:
    """GB of a whole iteration of Value Matching beside what is estimated for 16 bits; seconds of the processor."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    estimate = estimate_memory("dit", batch, steps=steps)  # before the idle process is looked at: it imports much
    idle = resident("VmRSS")
    model = denoiser.DenoiserModel(
        DitDenoiser(dit_xl(precision), Conditioning(classes=("1", "2")), "dit", Placement()), "dit"
    )
    weights = sum(
        each.nbytes for net in (model.network, model.denoiser.decoder.autoencoder) for each in net.parameters()
    )
    objective = ValueMatching.build(build_features(model, "B"), model.schedules, 1.0, conditions=model.conditions)
    settings = TrainerOptions(iterations=1, batch_size=batch, sampling=SamplingOptions(steps=steps, transition="ddim"))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, objective, brightness, settings, strength=1.0, floor=0.0, checkpoints=Path(folder))
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is counted from here
        started = time.process_time()
        trainer.run()
    return {
        "peak_above_idle": resident("VmHWM") - idle,
        "weights_of_base_and_decoder": weights / 1e9,
        "estimated_value_matching": estimate.value_matching / 1e9,
        "estimated_paths": estimate.paths / 1e9,
        "idle": idle,
        "seconds": time.process_time() - started,
        "steps": steps,
    }


def dit_xl(precision: str) -> DiTPipeline:
    """DiT-XL/2 and the decoder of Stable Diffusion, made in their precision, so that no wider copy was ever there."""
    architecture = ARCHITECTURES["dit"]
    torch.set_default_dtype(getattr(torch, precision))
    transformer = DiTTransformer2DModel(**architecture.network[1])
    vae = AutoencoderKL(**(architecture.decoder or {}))
    torch.set_default_dtype(torch.float32)
    labels = {str(number): str(number) for number in range(1000)}
    return DiTPipeline(transformer, vae, DDIMScheduler(clip_sample=False), id2label=labels)


def resident(which: str) -> float:
    """The resident set now (VmRSS) or at its largest (VmHWM), in GB (Linux counts in KiB)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(each.split()[1]) for each in lines if each.startswith(which)) / 1e9


def peak() -> float:
    """The largest resident set so far, in MB (Linux counts in kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def brightness(images: list[Image]) -> list[Outcome]:
    """A reward that takes no memory."""
    return [Outcome(image.id, float(image.pixels.mean()) / 255) for image in images]


def base(family: str, layers: int, heads: int) -> denoiser.Denoiser:
    """A transformer with random weights, and a decoder of few."""
    channels = 4
    vae = AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=channels,
        norm_num_groups=2,
    )
    if family == "dit":
        transformer = DiTTransformer2DModel(
            sample_size=SIZE,
            num_layers=layers,
            num_attention_heads=heads,
            attention_head_dim=64,
            in_channels=channels,
            out_channels=8,
        )
        labels = {str(number): str(number) for number in range(1000)}
        pipeline = DiTPipeline(transformer, vae, DDIMScheduler(clip_sample=False), id2label=labels)
        return DitDenoiser(pipeline, Conditioning(classes=("1", "2")), family, Placement())
    width = 64 * heads
    transformer = SD3Transformer2DModel(
        sample_size=SIZE,
        patch_size=2,
        in_channels=channels,
        out_channels=channels,
        num_layers=layers,
        num_attention_heads=heads,
        attention_head_dim=64,
        caption_projection_dim=width,
        joint_attention_dim=64,
        pooled_projection_dim=64,
    )
    return StableDiffusion3Denoiser(
        Written(transformer, vae), Conditioning(prompts=("one", "two")), family, Placement()
    )


class Written:
    """What a pipeline of Stable Diffusion 3 is asked for, with random numbers for texts of 77 tokens."""

    text_encoder, text_encoder_2, text_encoder_3 = torch.nn.Linear(1, 1), None, None

    def __init__(self, transformer: Any, vae: Any) -> None:
        self.transformer, self.vae, self.scheduler = transformer, vae, FlowMatchEulerDiscreteScheduler(shift=3.0)

    def encode_prompt(self, *_: Any, **__: Any) -> tuple[Any, ...]:
        """Of one text."""
        return torch.randn(1, 77, 64), None, torch.randn(1, 64), None


if __name__ == "__main__":
    main()
