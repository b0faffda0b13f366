"""Portions of a batch at the same time, each on one core.

Splitting every operation among the cores costs a rendezvous an operation, and a network of small operations is mostly
rendezvous: with two cores FlowMol took 0.20 s for what two independent halves, each on one core, take 0.12 s for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from molvm.states.base import State

AnyState = TypeVar("AnyState", bound=State)
Result = TypeVar("Result")


def in_lanes(function: Callable[..., AnyState], x: AnyState, t: Tensor, size: int, *beside: State | None) -> AnyState:
    """`function(x, t, *beside)` computed for portions of about `size` samples on as many threads as torch has.

    The result does not depend on the number of threads. On another device than the CPU the portions follow one another.

    Args:
        function: Of samples and their times, sample by sample; safe to be run on several threads at once. What torch
            keeps for each thread (gradient mode, autocast) it has to set itself.
        x: The samples.
        t: Their times, shape (B,).
        size: Samples in a portion.
        beside: More batches of the same samples, cut like x; None stays None.
    """
    portions = x.portions(size)
    return x.reassembled(portions, _computed(function, x, t, portions, *beside))


def pairs_in_lanes(
    function: Callable[[AnyState, Tensor], tuple[AnyState, AnyState]], x: AnyState, t: Tensor, size: int
) -> tuple[AnyState, AnyState]:
    """The same of a function that has two results."""
    portions = x.portions(size)
    pairs = _computed(function, x, t, portions)
    first, second = (x.reassembled(portions, [pair[place] for pair in pairs]) for place in (0, 1))
    return first, second


def _computed(
    function: Callable[..., Result], x: AnyState, t: Tensor, portions: Sequence[Tensor], *beside: State | None
) -> list[Result]:
    work = [
        (x.select(portion), t[portion], *(None if other is None else other.select(portion) for other in beside))
        for portion in portions
    ]
    if x.device.type != "cpu":
        return [function(*part) for part in work]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        side_by_side = threads > 1 and len(portions) > 1
        run = _lanes(threads).map if side_by_side else map
        return list(run(lambda part: function(*part), work))
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def _lanes(count: int) -> ThreadPoolExecutor:
    # OpenMP's number of threads belongs to the thread that sets it.
    return ThreadPoolExecutor(count, "lane", initializer=torch.set_num_threads, initargs=(1,))
