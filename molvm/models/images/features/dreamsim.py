"""DreamSim's embeddings, whose 1 − cos people find to be the likeness of two images (Fu et al. 2023)."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from molvm.errors import MissingDependencyError, ModelError
from molvm.images.image import Image

BRANCHES: Final = ("dino_vitb16", "clip_vitb16", "open_clip_vitb16")
"""Of the ensemble, each with a folder `…_lora`."""


class DreamSimExtractor:
    """The ensemble of the package `dreamsim`, which would download what it does not find; so all has to be there.

    The package reads its own checkpoints, and they are pickles: give it a folder that you trust.

    Args:
        folder: What DreamSim's `dreamsim_checkpoint.zip` unpacks to.

    Raises:
        MissingDependencyError: The package is not installed.
        ModelError: A file is missing, or cannot be read.
    """

    kind: Final = "dreamsim"
    is_fid = False

    def __init__(self, folder: Path) -> None:
        absent = [name for branch in BRANCHES for name in _files(branch) if not (folder / name).exists()]
        if absent:
            raise ModelError(
                f"DreamSim's weights are not in {folder}: there is no {absent[0]}.",
                allowed=", ".join(name for branch in BRANCHES for name in _files(branch)),
                remedy="dreamsim_checkpoint.zip, unpacked, from https://github.com/ssundaram21/dreamsim/releases",
            )
        try:
            import dreamsim
        except ImportError as error:
            raise MissingDependencyError("dreamsim", "images", "Comparing images as DreamSim does") from error
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what it says would stand among the answers of a command
                found = dreamsim.dreamsim(pretrained=True, device="cpu", cache_dir=str(folder))
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise ModelError(f"DreamSim cannot be read from {folder}: {error!r:.500}.") from error
        self._model: Any = found[0]
        self._pixels: Any = found[1]
        self.name = f"DreamSim, {folder}"

    def __call__(self, images: Sequence[Image]) -> NDArray[np.float64]:
        """Embeddings (n, d)."""
        found = [self._model.embed(self._pixels(image.pil())).detach().double().reshape(-1) for image in images]
        return np.stack([each.cpu().numpy() for each in found])


def _files(branch: str) -> tuple[str, str]:
    """The weights of a branch before and after people taught it."""
    ending = "_pretrain.pth" if branch.startswith("dino") else "_pretrain.pth.tar"
    return branch + ending, branch + "_lora"
