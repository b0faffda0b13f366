"""Portions of a batch at the same time, each on one core.

Splitting every operation among the cores costs a rendezvous an operation, and a network of small operations is mostly
rendezvous: with two cores FlowMol took 0.20 s for what two independent halves, each on one core, take 0.12 s for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from molvm.states.base import State

AnyState = TypeVar("AnyState", bound=State)
Result = TypeVar("Result")
Work = TypeVar("Work")


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
    function: Callable[..., tuple[AnyState, AnyState]], x: AnyState, t: Tensor, size: int, *beside: State | None
) -> tuple[AnyState, AnyState]:
    """The same of a function that has two results."""
    portions = x.portions(size)
    pairs = _computed(function, x, t, portions, *beside)
    first, second = (x.reassembled(portions, [pair[place] for pair in pairs]) for place in (0, 1))
    return first, second


def rows_in_lanes(function: Callable[[AnyState, Tensor], Tensor], x: AnyState, t: Tensor, size: int | None) -> Tensor:
    """The same of a function whose result is a tensor with a row for each sample; all at once if `size` is None."""
    if size is None:
        return function(x, t)
    portions = x.portions(size)
    return torch.cat(_computed(function, x, t, portions))[torch.argsort(torch.cat(portions))]


def map_in_lanes(function: Callable[[Work], Result], work: Sequence[Work], device: torch.device) -> Iterator[Result]:
    """`function` of each piece of work, in their order, on as many threads as torch has on a CPU, each with one core.

    Args:
        function: Safe to be run on several threads at once.
        work: The pieces.
        device: Where they are computed.
    """
    if device.type != "cpu":
        yield from map(function, work)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from (_lanes(threads).map if threads > 1 and len(work) > 1 else map)(function, work)
    finally:
        torch.set_num_threads(threads)


def _computed(
    function: Callable[..., Result], x: AnyState, t: Tensor, portions: Sequence[Tensor], *beside: State | None
) -> list[Result]:
    def compute(portion: Tensor) -> Result:
        others = (None if other is None else other.select(portion) for other in beside)
        return function(x.select(portion), t[portion], *others)

    return list(map_in_lanes(compute, portions, x.device))


@lru_cache(maxsize=1)
def _lanes(count: int) -> ThreadPoolExecutor:
    # OpenMP's number of threads belongs to the thread that sets it.
    return ThreadPoolExecutor(count, "lane", initializer=torch.set_num_threads, initargs=(1,))
