"""How much memory each method takes on a published model of images, put together from what its parts take."""

from __future__ import annotations

from typing import Final

from molvm.runs.memory import ADAM, MemoryEstimate

WIDER: Final = 2
"""32 bits for 16, which a copy that is trained takes, and so does the base beside it."""

BLACK_BOX: Final = ("ddpo", "dpok", "ct-ppo")


def memory_by_method(parts: MemoryEstimate) -> dict[str, dict[str, int]]:
    """Bytes at the peak of a round, by method and by what is trained: a network beside the base, LoRA, or a copy.

    A graph through the base is of one image at a time, whatever the batch, and so is one through the decoder; ReFL of
    adapted weights has both at once. Passes without a graph, decoding and learning take turns.

    Args:
        parts: What they take alone.

    Returns:
        Method to kind to bytes; Value Matching and Classifier Guidance train a value network.
    """
    graph, copied = parts.through_one - parts.base, (1 + WIDER + WIDER * ADAM) * parts.base
    found = {method: {"value": parts.value_matching} for method in ("value-matching", "classifier-guidance")}
    for method in (*BLACK_BOX, "adjoint-matching", "vgg-flow", "draft", "refl"):
        # DPOK and CT-PPO learn a critic, VGG-Flow a second field.
        beside = {"dpok": parts.value, "ct-ppo": parts.value, "vgg-flow": parts.control}.get(method, 0)
        seen = parts.decoding if method in BLACK_BOX else parts.differentiated_decoding
        turns = max(parts.forward, parts.decoding, seen)
        through = graph + seen if method == "refl" else graph
        wide = WIDER * graph + seen if method == "refl" else WIDER * graph
        mine = graph if method in ("adjoint-matching", "vgg-flow") else 0
        found[method] = {
            "residual": parts.base + parts.control + beside + max(turns, mine, parts.learning_control),
            "lora": parts.base + parts.adapter + beside + max(turns, through),
            "full": copied + beside + max(turns, WIDER * parts.forward, wide),
        }
    return found
