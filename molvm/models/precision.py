"""In which floating-point type a network's matrix products are computed."""

from __future__ import annotations

from typing import Final, Literal, cast, get_args

import torch

from molvm.errors import UnknownNameError

Precision = Literal["float32", "bfloat16"]
PRECISIONS: Final[tuple[str, ...]] = ("auto", *get_args(Precision))


def resolve_precision(name: str, device: str = "cpu") -> Precision:
    """The precision that a name stands for on this machine.

    Args:
        name: "float32", "bfloat16", or "auto": bfloat16 where the device multiplies in it, else float32.
        device: Where the network computes, as torch calls it.

    Raises:
        UnknownNameError: Another name.
    """
    if name not in PRECISIONS:
        raise UnknownNameError("precision", name, PRECISIONS)
    if name == "auto":
        return "bfloat16" if _multiplies_in_bfloat16(torch.device(device)) else "float32"
    return cast(Precision, name)


def _multiplies_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    # Without the instructions, bfloat16 is emulated and slower than float32.
    # Older torch cannot tell.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
