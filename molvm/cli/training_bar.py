"""The progress of a training run, for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from molvm.cli.console import Throttle, duration, is_terminal, say
from molvm.runs.progress import TrainingProgress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from molvm.training.trainer import Iteration


class Pace:
    """How fast the iterations of this session go."""

    def __init__(self) -> None:
        self.first = self.done = self.total = 0
        self.started = time.monotonic()

    def begin(self, iteration: int, iterations: int) -> None:
        """The clock starts."""
        self.first = self.done = iteration
        self.total, self.started = iterations, time.monotonic()

    def __str__(self) -> str:
        made = self.done - self.first
        if not made:
            return f"iteration {self.done}/{self.total}"
        seconds = (time.monotonic() - self.started) / made
        left = duration(seconds * (self.total - self.done))
        return f"iteration {self.done}/{self.total}  {60 / seconds:.3g}/min  {left} left"


class Preparation:
    """What is done before the iterations, how fast, and for how long."""

    def __init__(self) -> None:
        self.doing, self.first, self.started = "", 0, 0.0

    def __call__(self, doing: str, done: int, count: int) -> str:
        """Of so much that has been done."""
        if doing != self.doing:
            self.doing, self.first, self.started = doing, done, time.monotonic()
        made, seconds = done - self.first, time.monotonic() - self.started
        left = f"  {duration(seconds / made * (count - done))} left" if made and done < count else ""
        return f"{doing} {done}/{count}{left}"


class Summary:
    """The numbers worth watching, from the metrics of an iteration.

    Args:
        unit: Of the reward.
    """

    def __init__(self, unit: str) -> None:
        self.unit = f" {unit}" if unit else ""

    def __call__(self, report: Iteration) -> str:
        """Mean reward with and without the failures, their share, and the KL cost if paths have one."""
        metrics = report.metrics
        kl = f"  KL {metrics['kl']:.3g}" if "kl" in metrics else ""
        valid = f" (valid {metrics['reward_valid']:.3g})" if "reward_valid" in metrics else ""
        return f"reward {metrics['reward']:.3g}{valid}{self.unit}  failures {100 * metrics['failures']:.0f} %{kl}"


class TrainingLines:
    """Plain lines: the first iteration, the last, and some between."""

    def __init__(self, summary: Summary) -> None:
        self.summary, self.pace, self.due = summary, Pace(), Throttle()
        self.preparation = Preparation()

    def prepare(self, doing: str, done: int, count: int) -> None:
        """A line, if it is time."""
        if self.due() or done == count:
            say(self.preparation(doing, done, count))

    def begin(self, iteration: int, iterations: int) -> None:
        """The loop starts."""
        self.pace.begin(iteration, iterations)
        say(f"starting at iteration {iteration} of {iterations}")

    def step(self, done: int, steps: int) -> None:
        """Not worth a line."""

    def scored(self, done: int, count: int) -> None:
        """Not worth a line."""

    def iteration(self, report: Iteration) -> None:
        """A line, if it is time."""
        self.pace.done = report.index + 1
        if self.due() or self.pace.done == self.pace.total:
            say(f"{self.pace}  {self.summary(report)}")


class TrainingBar:
    """A bar that moves within iterations too.

    Args:
        summary: Makes the text.
        bar: Rich's progress display.
    """

    ROLLOUT_SHARE = 0.5
    """Of an iteration's bar; scoring takes the other half."""

    def __init__(self, summary: Summary, bar: Progress) -> None:
        self.summary, self.pace, self.bar, self.text = summary, Pace(), bar, ""
        self.task = bar.add_task("preparing", total=None)
        self.preparation = Preparation()

    def prepare(self, doing: str, done: int, count: int) -> None:
        """A bar of its own for each thing that is done beforehand."""
        text = self.preparation(doing, done, count)
        self.bar.update(self.task, completed=done, total=count, description=text)

    def begin(self, iteration: int, iterations: int) -> None:
        """The loop starts."""
        self.pace.begin(iteration, iterations)
        self._show(0.0, "sampling")

    def step(self, done: int, steps: int) -> None:
        """The rollout goes on."""
        self._show(self.ROLLOUT_SHARE * done / steps, f"sampling {done}/{steps}")

    def scored(self, done: int, count: int) -> None:
        """The reward goes on."""
        doing = f"scoring {done}/{count}" if done < count else "learning"
        self._show(self.ROLLOUT_SHARE + (1 - self.ROLLOUT_SHARE) * done / count, doing)

    def iteration(self, report: Iteration) -> None:
        """The numbers of the iteration stay until the next."""
        self.pace.done = report.index + 1
        self.text = self.summary(report)
        self._show(0.0, "")

    def _show(self, share: float, doing: str) -> None:
        # Two lines, so that a terminal of 80 columns shows it all.
        pace = "  ".join(part for part in (str(self.pace), doing) if part)
        text = "\n".join(part for part in (pace, self.text) if part)
        self.bar.update(self.task, completed=self.pace.done + share, total=self.pace.total, description=text)


@contextmanager
def training_bar(unit: str) -> Iterator[TrainingProgress]:
    """A bar on a terminal, plain lines elsewhere.

    Args:
        unit: Of the reward.
    """
    summary = Summary(unit)
    if not is_terminal():
        yield TrainingLines(summary)
        return
    from rich.console import Console

    with display(Console(stderr=True)) as bar:
        yield TrainingBar(summary, bar)


def display(console: Console) -> Progress:
    """What a terminal shows: text, a bar, the time."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(TextColumn("{task.description}"), BarColumn(bar_width=10), TimeElapsedColumn(), console=console)
