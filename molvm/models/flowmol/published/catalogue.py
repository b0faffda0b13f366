"""The continuous models that FlowMol's authors have published, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HOST: Final = "https://bits.csb.pitt.edu/files/FlowMol"


@dataclass(frozen=True)
class PublishedModel:
    """A checkpoint on the authors' server.

    Attributes:
        folder: The release's folder.
        file: The checkpoint, within the model's folder.
        size: Bytes.
        sha256: Of the checkpoint.
    """

    folder: str
    file: str
    size: int
    sha256: str

    def url(self, name: str) -> str:
        """The folder of the model of that name; `config.yaml` and the checkpoint are in it."""
        return f"{HOST}/{self.folder}/{name}/"


PUBLISHED: Final[Mapping[str, PublishedModel]] = {
    "qm9_gaussian": PublishedModel(
        "trained_models",
        "checkpoints/model.ckpt",
        78_614_940,
        "9ec49c3e79d66afcdf96b0e27a61ca08fff95d0477b77f682ad0701527f28321",
    ),
    "geom_gaussian": PublishedModel(
        "trained_models",
        "checkpoints/model.ckpt",
        48_974_411,
        "3c20f84fc96d4865df6a97fd987ca5ec2fbb08827d93ddbf95b6d72743ba27a4",
    ),
}
"""Sizes and digests are those of the pointers in the release's history (v0.1)."""


def how_to_get(name: str) -> str:
    """What to download, and what to do with it."""
    model = PUBLISHED[name]
    return (
        f"download {model.url(name)} (config.yaml and {model.file}, {model.size / 1e6:.1f} MB, SHA-256 {model.sha256}) "
        f"into a folder {name}/, then `molvm models convert {name}`"
    )
