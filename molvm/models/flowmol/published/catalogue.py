"""The models that FlowMol's authors have published and that molvm runs, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from molvm.datasets.elements import GEOM_ELEMENTS

HOST: Final = "https://bits.csb.pitt.edu/files/FlowMol"

QM9_ELEMENTS: Final = ("C", "H", "N", "O", "F")

Kind = Literal["gaussian", "ctmc", "flowmol3"]
"""Continuous in every modality; tokens, as version 2 has them; tokens, as FlowMol3 has them."""


@dataclass(frozen=True)
class PublishedModel:
    """A checkpoint on the authors' server.

    Attributes:
        folder: The release's folder.
        file: The checkpoint, within the model's folder.
        size: Bytes; None where it is not known.
        sha256: Of the checkpoint; None where it is not known, and then the size is approximate.
        sampling: What its authors sample it with, where that differs from the settings of its training.
        kind: What it predicts, and how.
        elements: The atom types it knows, in any order.
    """

    folder: str
    file: str
    size: int | None = None
    sha256: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "flowmol3"
    elements: tuple[str, ...] = tuple(GEOM_ELEMENTS)

    def url(self, name: str) -> str:
        """The folder of the model of that name; `config.yaml` and the checkpoint are in it."""
        return f"{HOST}/{self.folder}/{name}/"

    def known(self) -> str:
        """What is known of the file."""
        if self.sha256 is not None and self.size is not None:
            return f"{self.size / 1e6:.1f} MB, SHA-256 {self.sha256}"
        size = "size not known here" if self.size is None else f"about {self.size / 1e6:.0f} MB"
        return f"{size}, SHA-256 not known here"


def _version3(*names: str) -> dict[str, PublishedModel]:
    return {f"fm3_{name}": PublishedModel("trained_models_v3.1", "checkpoints/last.ckpt") for name in names}


PUBLISHED: Final[Mapping[str, PublishedModel]] = {
    # Sizes and digests of the continuous ones are those of the pointers in the release's history (v0.1).
    "qm9_gaussian": PublishedModel(
        "trained_models",
        "checkpoints/model.ckpt",
        78_614_940,
        "9ec49c3e79d66afcdf96b0e27a61ca08fff95d0477b77f682ad0701527f28321",
        kind="gaussian",
        elements=QM9_ELEMENTS,
    ),
    "geom_gaussian": PublishedModel(
        "trained_models",
        "checkpoints/model.ckpt",
        48_974_411,
        "3c20f84fc96d4865df6a97fd987ca5ec2fbb08827d93ddbf95b6d72743ba27a4",
        kind="gaussian",
    ),
    "qm9_ctmc": PublishedModel("trained_models_v02", "checkpoints/last.ckpt", kind="ctmc", elements=QM9_ELEMENTS),
    "geom_ctmc": PublishedModel(
        "trained_models_v02", "checkpoints/last.ckpt", sampling={"eta": 30.0, "hc_thresh": 0.9}, kind="ctmc"
    ),
    "flowmol3": PublishedModel("trained_models_v3.1", "checkpoints/last.ckpt", 65_000_000),
    "fm3_nofa": PublishedModel("trained_models_v3", "checkpoints/last.ckpt"),
    "fm3_nosc": PublishedModel("trained_models_v3", "checkpoints/last.ckpt"),
    **_version3("nodistort", "none"),
    **_version3(*(modality + way for modality in "acex" for way in ("high", "low"))),
    **_version3(*("distort_" + way for way in ("extreme", "highp", "hight", "lowp", "lowt"))),
    **_version3(*("fa_" + way for way in ("highp", "highstd", "lowp", "lowstd"))),
    **_version3("scprop_high", "scprop_low"),
}


def how_to_get(name: str) -> str:
    """What to download, and what to do with it."""
    model = PUBLISHED[name]
    return (
        f"download {model.url(name)} (config.yaml and {model.file}, {model.known()}) into a folder {name}/, then "
        f"`molvm models convert {name}`"
    )
