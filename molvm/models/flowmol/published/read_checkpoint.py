"""Reads a PyTorch-Lightning checkpoint in a process of its own: `python -m ... CHECKPOINT OUT`.

The file is a pickle from somewhere else. It is read with torch's restricted unpickler, which builds tensors and plain
containers and refuses every other name; the one exception is a recorded path, which becomes a string. OUT then holds
`weights.safetensors`, `settings.json`, `notes.json` with what the user should know, and `average.safetensors` if the
checkpoint has an average of the weights.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from molvm.models.flowmol.published.moving_average import average_of, shadow_weights

REFUSED = "refused: "
"""Before what this program itself says against a file, in the last line of its errors."""

NO_AVERAGE = "it records a moving average of the weights, but holds none; its last weights are taken"


class RecordedPath(str):
    """Takes the place of a path in the checkpoint; no path of this machine is made."""

    __slots__ = ()

    def __new__(cls, *parts: str) -> RecordedPath:
        """The parts joined by slashes."""
        return super().__new__(cls, "/".join(parts))


def main(checkpoint: Path, out: Path) -> None:
    """Read one file and write what it holds."""
    torch.serialization.add_safe_globals([(RecordedPath, "pathlib.PosixPath"), (RecordedPath, "pathlib.WindowsPath")])
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    try:
        weights, settings = entry(content, "state_dict"), entry(content, "hyper_parameters")
        recorded = average_of(content.get("callbacks") or {})
        shadow = shadow_weights(recorded, weights) if recorded else {}
    except ValueError as error:
        sys.exit(f"{REFUSED}{error}")
    save_file(tensors(weights), out / "weights.safetensors")
    if shadow:
        save_file(tensors(shadow), out / "average.safetensors")
    notes = [NO_AVERAGE] if recorded and not shadow else []
    (out / "notes.json").write_text(json.dumps(notes), encoding="utf-8")
    (out / "settings.json").write_text(json.dumps(plain(settings)), encoding="utf-8")


def entry(content: Any, name: str) -> Mapping[str, Any]:
    """A part of a Lightning checkpoint.

    Raises:
        ValueError: There is none.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get(name), Mapping):
        raise ValueError(f"it is no Lightning checkpoint: it has no {name}")  # noqa: TRY004
    found: Mapping[str, Any] = content[name]
    return found


def tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors that hold anything; FlowMol stores empty ones as marks."""
    return {
        name: value.detach().contiguous().clone()
        for name, value in state.items()
        if isinstance(value, Tensor) and value.numel()
    }


def plain(value: Any) -> Any:
    """Settings as JSON has them; a tensor of one number is that number."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 else value.tolist()
    return str(value) if isinstance(value, RecordedPath) else value


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
