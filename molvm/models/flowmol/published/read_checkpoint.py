"""Reads a PyTorch-Lightning checkpoint in a process of its own: `python -m ... CHECKPOINT OUT`.

The file is a pickle from somewhere else. It is read with torch's restricted unpickler, which builds tensors and plain
containers and refuses every other name; the one exception is a recorded path, which becomes a string. OUT then holds
`weights.safetensors`, `settings.json`, and `average.safetensors` if the checkpoint has an average of the weights.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

AVERAGE_CALLBACK = "exponential_moving_average"
AVERAGED_LIST = "shadow_params"


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
    save_file(tensors(content["state_dict"]), out / "weights.safetensors")
    average = average_of(content.get("callbacks") or {})
    if average:
        save_file(tensors(shadow_weights(average, list(content["state_dict"]))), out / "average.safetensors")
    text = json.dumps(plain(content["hyper_parameters"]))
    (out / "settings.json").write_text(text, encoding="utf-8")


def tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors that hold anything; FlowMol stores empty ones as marks."""
    return {
        name: value.detach().contiguous().clone()
        for name, value in state.items()
        if isinstance(value, Tensor) and value.numel()
    }


def average_of(callbacks: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a callback has recorded of an average; Lightning puts the callback's own name around it."""
    states = [callbacks, *(state for state in callbacks.values() if isinstance(state, Mapping))]
    return next((state[AVERAGE_CALLBACK] for state in states if state.get(AVERAGE_CALLBACK)), None)


def shadow_weights(average: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    """The averaged weights within the callback's state, whatever it calls them.

    Args:
        average: The state: names to tensors, or these within it, or a list of tensors in the order of the weights.
        names: Of the weights, in their order.

    Raises:
        ValueError: There are not as many averaged tensors as weights.
    """
    if isinstance(average.get(AVERAGED_LIST), list | tuple):
        return dict(zip(names, average[AVERAGED_LIST], strict=True))
    if any(isinstance(value, Tensor) for value in average.values()):
        return average
    nested = [value for value in average.values() if isinstance(value, Mapping)]
    return nested[0] if nested else {}


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
