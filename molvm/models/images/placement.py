"""Where the networks of a published model compute, and which of them lie there at a time."""

from __future__ import annotations

import threading
from typing import Any, Final

import torch
from torch import nn

from molvm.errors import ModelError

HOME: Final = "cpu"


class Placement:
    """Moves networks to the device that they compute on, when they are needed.

    With offload only what is being used is on the device: the text encoders while prompts are read, the denoiser along
    a path, the decoder for its images. What was there before goes back to the machine's memory, so that the device
    needs the largest of them and not their sum; each change costs a copy of the weights. The arithmetic of the SDE, the
    value network and the states stay in the machine's memory either way. Where there is no other device than the
    processor there is nothing to be saved: weights lie in one memory, and are never written to a disk.

    Networks that are used in turns, as a base and its adapted weights are, are there together. What is differentiated
    must still be there when its gradient comes, so a gradient through denoiser and decoder at once (ReFL of adapted
    weights on latents) allows no offload.

    Args:
        device: As torch calls it: cpu, cuda, cuda:1, mps.
        offload: See above.

    Raises:
        ModelError: There is no such device here.
    """

    def __init__(self, device: str = HOME, *, offload: bool = False) -> None:
        self.device, self.offload = _found(device), offload
        self._there: tuple[nn.Module, ...] = ()
        self._inseparable: tuple[nn.Module, ...] = ()
        self._lock = threading.Lock()  # portions of a batch ask side by side

    @property
    def there(self) -> tuple[nn.Module, ...]:
        """What was used last, and lies on the device."""
        return self._there

    def keep_together(self, *networks: nn.Module) -> None:
        """Have all of these networks on the device whenever one of them is; those named before no longer."""
        self._inseparable = tuple({id(network): network for network in networks}.values())

    def ready(self, *networks: nn.Module) -> dict[str, Any]:
        """Have networks on the device, and nothing else if it offloads.

        Returns:
            Device and type of the weights of the first, as arguments of `Tensor.to`.
        """
        used = self._inseparable if set(networks) <= set(self._inseparable) else networks
        with self._lock:
            if self._there != used:
                self._leave()
                for network in used:
                    network.to(self.device)
                self._there = used
        first = next(networks[0].parameters())
        return {"device": first.device, "dtype": first.dtype}

    def release(self) -> None:
        """Forget what was used last, for what is not needed again."""
        with self._lock:
            self._leave()
            self._there = ()

    def _leave(self) -> None:
        if self.offload:
            for network in self._there:
                network.to(HOME)


def devices() -> list[str]:
    """The devices of this machine, as torch calls them."""
    found = torch.accelerator.current_accelerator(check_available=True)
    numbers = range(torch.accelerator.device_count())
    return [HOME] if found is None else [HOME, found.type, *(f"{found.type}:{number}" for number in numbers)]


def _found(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # "meta" has no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(
            f"There is no device {name!r} here: {str(error).splitlines()[0].rstrip('.'):.200}.",
            allowed=", ".join(devices()),
        ) from error
    return device
