"""Inception's features, by which the FID is defined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from molvm.digests import sha256_of
from molvm.errors import ModelError
from molvm.images.image import Image
from molvm.models.images.denoiser import frozen
from molvm.models.images.features.inception_network import InceptionNetwork
from molvm.models.images.judges.weights import read_weights

AT_ONCE: Final = 16
"""Images in one pass."""

SIZE: Final = 299
"""Pixels a side."""

FID_DIGEST: Final = "6726825d"
"""The SHA-256 of pytorch-fid's file of TensorFlow's weights begins so, as the file's name says."""

WHERE_FROM: Final = "pt_inception-2015-12-05-6726825d.pth, from https://github.com/mseitzer/pytorch-fid/releases"

LEFT_OUT: Final = ("fc.", "AuxLogits.")
"""What is no feature."""


class InceptionExtractor:
    """The 2048 features of Inception v3, of images that are resized to 299 x 299 bilinearly.

    Args:
        path: Of weights by torchvision's names. Those of `pt_inception-2015-12-05-6726825d.pth` give the published FID;
            others give a Fréchet distance that is not comparable with it.

    Raises:
        ModelError: They cannot be read, or are of another network.
    """

    kind: Final = "inception"

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelError(f"There is no file {path}.", remedy=WHERE_FROM)
        self.is_fid = sha256_of(path).startswith(FID_DIGEST)
        weights = {name: each for name, each in read_weights(path).items() if not name.startswith(LEFT_OUT)}
        network = InceptionNetwork()
        try:
            absent, unknown = network.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise _other_network(path, str(error)) from error
        absent = [name for name in absent if not name.endswith("num_batches_tracked")]
        if absent or unknown:
            raise _other_network(path, f"{len(absent)} weights are missing, {len(unknown)} not known")
        self._network = frozen(network)
        self.name = f"Inception v3, {path}"

    @torch.no_grad()
    def __call__(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Features (n, 2048)."""
        found = [
            self._network(torch.cat([_pixels(image) for image in images[start : start + AT_ONCE]]))
            for start in range(0, len(images), AT_ONCE)
        ]
        return np.asarray(torch.cat(found).double().numpy())


def _pixels(image: Image) -> Tensor:
    """(1, 3, 299, 299) in [-1, 1]."""
    levels = torch.from_numpy(image.pixels.copy()).float().permute(2, 0, 1)[None].expand(-1, 3, -1, -1) / 255
    return 2 * functional.interpolate(levels, (SIZE, SIZE), mode="bilinear", align_corners=False) - 1


def _other_network(path: Path, why: str) -> ModelError:
    return ModelError(
        f"The weights {path} are not those of Inception v3: {why:.300}.",
        remedy=WHERE_FROM,
    )
