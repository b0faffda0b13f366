"""The bundled classifier of digits, whose features `molvm evaluate` compares images of the base `digits` by.

    python benchmarks/digit_classifier.py --out molvm/models/images/features/digit_classifier.safetensors

Of scikit-learn's digits as `benchmarks/pretrain_digits.py` prepares and augments them; the same 200 are held out. A
minute on a core. A card is written beside the weights. Then Fréchet distances by these features are printed: of real
digits from others, plain, with noise and without half of the classes, and of the base's samples from augmented ones.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import torch
from pretrain_digits import BATCH, HELD_OUT, augmented, digits
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from molvm.digests import sha256_of
from molvm.durable import replace_text
from molvm.evaluation.images.summary import distance_between
from molvm.images.image import Image
from molvm.models.hub import load_model
from molvm.models.images.features.digit_classifier import SIZE, DigitClassifier, DigitExtractor
from molvm.runs.sampling import draw_samples
from molvm.sde import SamplingOptions

RATE = 2e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    images, classes = digits(SIZE)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    test, train = order[:HELD_OUT], order[HELD_OUT:]
    started = time.process_time()
    network = trained(images[train], classes[train], options.steps)
    give_unit_spread(network, images[train])
    spent = time.process_time() - started
    options.out.write_bytes(save(network.state_dict()))
    generator = torch.Generator().manual_seed(2)
    moved = torch.cat([augmented(images[test], generator) for _ in range(20)])
    card = {
        "dataset": "scikit-learn's digits (UCI ML hand-written digits, test set, Alpaydin and Kaynak 1998)",
        "parameters": sum(each.numel() for each in network.parameters()),
        "steps": options.steps,
        "core_seconds": round(spent),
        "held_out": HELD_OUT,
        "accuracy": accuracy(network, images[test], classes[test]),
        "accuracy_augmented": accuracy(network, moved, classes[test].repeat(20)),
        "sha256": sha256_of(options.out),
    }
    replace_text(options.out.with_suffix(".json"), json.dumps(card, indent=1) + "\n")
    print(card)
    print(json.dumps(distances(images[order], classes[order]), indent=1))


def trained(images: Tensor, classes: Tensor, steps: int) -> DigitClassifier:
    """By cross-entropy on augmented digits, the rate falling by half a cosine."""
    torch.manual_seed(0)
    network, generator = DigitClassifier(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        chosen = torch.randint(len(images), (BATCH,), generator=generator)
        loss = functional.cross_entropy(network(augmented(images[chosen], generator)), classes[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return network.eval()


@torch.no_grad()
def give_unit_spread(network: DigitClassifier, images: Tensor) -> None:
    """Scale the features so that their variances over these images sum to 1, and leave the classes as they are."""
    scale = float(network.features(images).var(dim=0).sum().sqrt())
    last = network.features[-2]
    last.weight /= scale
    last.bias /= scale
    network.classes.weight *= scale


@torch.no_grad()
def accuracy(network: DigitClassifier, images: Tensor, classes: Tensor) -> float:
    """Share of the images whose class it finds."""
    return float((network(images).argmax(dim=1) == classes).double().mean())


COMPARED = 500
"""Images on each side of a distance."""


def distances(images: Tensor, classes: Tensor) -> dict[str, dict[str, float]]:
    """Fréchet distances freed of their bias, each from as many other real digits."""
    generator = torch.Generator().manual_seed(3)
    one, other, third = images[:COMPARED], images[COMPARED : 2 * COMPARED], images[2 * COMPARED : 3 * COMPARED]
    noisy = (one + 0.5 * torch.randn(one.shape, generator=generator)).clamp(-1, 1)
    base = draw_samples(load_model("digits"), COMPARED, seed=4, sampling=SamplingOptions(steps=50)).molecules
    extractor = DigitExtractor()
    real, moved = pictures(other), pictures(augmented(third, generator))
    pairs = {
        "real": (pictures(one), real),
        "with noise": (pictures(noisy), real),
        "half of the classes": (pictures(images[classes < 5][:COMPARED]), real),
        "augmented, from augmented": (pictures(augmented(one, generator)), moved),
        "samples of the base, from augmented": (base, moved),
    }
    return {name: asdict(distance_between(*pair, extractor).unbiased) for name, pair in pairs.items()}


def pictures(images: Tensor) -> list[Image]:
    """Levels of (n, 1, 16, 16) in [-1, 1]."""
    levels = ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [Image(each, str(number)) for number, each in enumerate(levels)]


if __name__ == "__main__":
    main()
