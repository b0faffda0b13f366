"""The bundled base `digits`: scikit-learn's digits, 16 x 16, by class-conditional flow matching.

    python benchmarks/pretrain_digits.py --work /tmp/digits --out molvm/weights/digits

Stopped and called again it goes on from `--work`.
"""

from __future__ import annotations

import argparse
import math
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from molvm.objectives.optimiser_state import load_optimiser, optimiser_tensors
from molvm.sde import simulate, time_grid
from molvm.training.checkpoint import Checkpoint, has_checkpoint, load_checkpoint, save_checkpoint

BATCH = 96
RATE = 2e-3
EVERY = 200
HELD_OUT = 200
LARGEST = 16.0
"""Grey value of full ink in scikit-learn's digits."""


def digits(size: int) -> tuple[Tensor, Tensor]:
    """Ink on black in [-1, 1], (1797, 1, size, size), and the classes."""
    found = load_digits()
    small = torch.tensor(found.images, dtype=torch.float32)[:, None] / LARGEST
    large = functional.interpolate(small, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)
    return 2 * large - 1, torch.tensor(np.asarray(found.target), dtype=torch.int64)


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """The images turned by up to 12 degrees, scaled by 0.85 to 1.1, sheared and moved a little, in more or less ink."""
    count = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    angle, scale, shear = uniform(-0.2, 0.2), 1 / uniform(0.85, 1.1), uniform(-0.15, 0.15)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = [
        torch.stack([cosine, shear - sine, uniform(-0.12, 0.12)], dim=1),
        torch.stack([sine, cosine, uniform(-0.12, 0.12)], dim=1),
    ]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    moved = functional.grid_sample((images + 1) / 2, grid, align_corners=False)
    return (2 * moved * uniform(0.6, 1.0)[:, None, None, None] - 1).clamp(-1, 1)


def loss_of(network: torch.nn.Module, images: Tensor, classes: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at random times."""
    t = torch.rand(len(images), generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    weight = t[:, None, None, None]
    predicted = network(weight * images + (1 - weight) * noise, t, classes)
    return (predicted - (images - noise)).square().mean()


class Pretraining:
    """The network, its average, and what goes on from a checkpoint."""

    def __init__(self, work: Path, steps: int) -> None:
        torch.manual_seed(0)
        self.work, self.steps = work, steps
        self.network = PixelNetwork(PixelConfig())
        self.average = AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(0.998))
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=RATE, weight_decay=1e-4)
        self.generator = torch.Generator().manual_seed(1)
        self.first, self.seconds = 0, 0.0
        if has_checkpoint(work):
            self._resume(load_checkpoint(work))

    def _resume(self, saved: Checkpoint) -> None:
        self.first, self.seconds = saved.step, float(saved.metadata["seconds"])
        self.network.load_state_dict(saved.part("network"))
        self.average.load_state_dict(saved.part("average"))
        load_optimiser(self.optimiser, saved.part("optimiser"))
        self.generator.set_state(saved.tensors["generator"])

    def rate(self, step: int) -> float:
        """A short warm-up, then half a cosine to a fiftieth."""
        return RATE * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / self.steps)) / 2)

    def run(self, images: Tensor, classes: Tensor) -> None:
        """All steps that are left, with a checkpoint now and then."""
        running, started = math.nan, time.process_time()
        for step in range(self.first, self.steps):
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate(step)
            value = self.update(images, classes)
            running = value if math.isnan(running) else 0.98 * running + 0.02 * value
            if (step + 1) % EVERY == 0 or step + 1 == self.steps:
                spent = self.seconds + time.process_time() - started
                self.save(step + 1, {"seconds": spent, "loss": running})
                print(f"{step + 1} loss {running:.4f} {spent:.0f} s", flush=True)

    def update(self, images: Tensor, classes: Tensor) -> float:
        """One step; its loss."""
        chosen = torch.randint(len(images), (BATCH,), generator=self.generator)
        loss = loss_of(self.network, augmented(images[chosen], self.generator), classes[chosen], self.generator)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def save(self, step: int, metadata: dict[str, float]) -> None:
        """A checkpoint."""
        parts = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": optimiser_tensors(self.optimiser),
        }
        tensors = {f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}
        save_checkpoint(self.work, step, {**tensors, "generator": self.generator.get_state()}, metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    images, classes = digits(PixelConfig().size)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    test, train = order[:HELD_OUT], order[HELD_OUT:]
    Pretraining(arguments.work, arguments.steps).run(images[train], classes[train])
    if arguments.out is not None:
        publish(arguments.out, load_checkpoint(arguments.work), images[test], classes[test])


def publish(out: Path, checkpoint: Checkpoint, images: Tensor, classes: Tensor) -> None:
    """Write the averaged network as a model directory, its card measured on held-out digits and on samples."""
    network = PixelNetwork(PixelConfig())
    network.load_state_dict(checkpoint.part("average.module"))
    model = PixelFlowModel(network, [str(digit) for digit in range(10)], "digits")
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        losses = [float(loss_of(network, images, classes, generator)) for _ in range(20)]
    count = 300
    condition = torch.arange(count) % 10
    path = simulate(
        model,
        model.noise(condition, count, generator),
        time_grid(model.schedules, 50),
        generator=generator,
        keep_states=False,
    )
    found = load_digits()
    judge = SVC(gamma=0.001).fit(found.images.reshape(len(found.images), -1), found.target)
    small = functional.avg_pool2d((path.terminal.x.clamp(-1, 1) + 1) / 2 * LARGEST, 2)
    brightest = small.amax(dim=(1, 2, 3), keepdim=True)
    recognised = judge.predict((small / brightest * LARGEST).flatten(1).numpy()) == condition.numpy()
    model.card = {
        "dataset": "scikit-learn's digits (UCI ML hand-written digits, test set, Alpaydin and Kaynak 1998)",
        "dataset_licence": "that of the UCI repository, https://archive.ics.uci.edu/dataset/80",
        "dataset_note": None,
        "preparation": "8 x 8 upsampled to 16 x 16 by bicubic interpolation; affine and ink augmentation",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training": {
            "steps": checkpoint.step,
            "batch_size": BATCH,
            "learning_rate": RATE,
            "core_seconds": round(float(checkpoint.metadata["seconds"])),
        },
        "metrics": {
            "held_out_velocity_error": sum(losses) / len(losses),
            "recognised": float(recognised.mean()),
            "recognised_by": "a support vector machine on the 1797 originals, 300 samples by 50 steps",
        },
        "command": f"python benchmarks/pretrain_digits.py --work DIR --steps {checkpoint.step} --out DIR",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    save_model(model, out)
    print(model.card)


if __name__ == "__main__":
    main()
