"""Folders of models over tokens as upstream publishes them, made from recorded cases."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.models.flowmol.upstream import hyper_parameters, load_record

Change = Callable[[dict[str, Any]], dict[str, Any]]

CONFIG = """\
mol_fm:
  parameterization: ctmc
"""
"""The settings are read from the checkpoint; the file beside it is for people."""


def token_folder(folder: Path, case: str, change: Change | None = None) -> Path:
    """Write `config.yaml` and `checkpoints/last.ckpt` in the layout of upstream's training program.

    Args:
        folder: Where; the last part is the model's name.
        case: A recorded case over tokens.
        change: What to do to the checkpoint before it is written.
    """
    record = load_record(case)
    data = pathlib.PosixPath("data") / record["config"]["data"]
    content = {
        "epoch": 19,
        "global_step": 1000,
        "pytorch-lightning_version": "2.1.3",
        "state_dict": record["state_dict"],
        "loops": {},
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {
            **hyper_parameters(record),
            "n_atoms_hist_file": data / "train_data_n_atoms_histogram.pt",
            "marginal_dists_file": data / "train_data_marginal_dists.pt",
            "exclude_charges": False,
        },
    }
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    torch.save(change(content) if change is not None else content, folder / "checkpoints" / "last.ckpt")
    return folder
