"""In which floating-point type a network's matrix products are computed."""

from __future__ import annotations

from typing import Final, Literal, cast, get_args

import torch

from molvm.errors import UnknownNameError

Precision = Literal["float32", "bfloat16"]
PRECISIONS: Final[tuple[str, ...]] = ("auto", *get_args(Precision))


def resolve_precision(name: str) -> Precision:
    """The precision that a name stands for on this machine.

    Args:
        name: "float32", "bfloat16", or "auto": bfloat16 where the processor multiplies in it, else float32.

    Raises:
        UnknownNameError: Another name.
    """
    if name not in PRECISIONS:
        raise UnknownNameError("precision", name, PRECISIONS)
    if name == "auto":
        return "bfloat16" if _multiplies_in_bfloat16() else "float32"
    return cast(Precision, name)


def _multiplies_in_bfloat16() -> bool:
    # Without the instructions, bfloat16 is emulated and slower than float32.
    # Older torch cannot tell.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
