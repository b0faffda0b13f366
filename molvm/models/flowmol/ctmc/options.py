"""How a FlowMol over tokens is sampled, in plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal, Self, cast, get_args

from molvm.errors import ConfigError, UnknownNameError

Sampler = Literal["campbell", "gat"]
SAMPLERS: Final[tuple[str, ...]] = get_args(Sampler)

DECAY: Final = "decay"
DECAY_SCALE, DECAY_POWER = 0.8, 2
"""The falling temperature is 0.8 (1 − t)² (FlowMol-CTMC)."""


@dataclass(frozen=True)
class ChainOptions:
    """Steps, and how tokens jump in them (FlowMol-CTMC, arXiv 2411.16644); by default as FlowMol3 was published.

    Args:
        steps: Equal steps from noise to data, one evaluation of the network each.
        sampler: "campbell": masked tokens take their class, and classes are masked again at the rate η (Campbell et al.
            2024, arXiv 2402.04997). "gat": probabilities take an Euler step, forwards and a little back (Gat et al.
            2024, arXiv 2407.15595).
        eta: η of "campbell"; 0 never masks anything again.
        hc_thresh: In "campbell", masked tokens whose most probable class is at least so probable come first; 0 treats
            all alike.
        temperature: Of the predicted classes: a positive number, "decay" for 0.8 (1 − t)², or a function of t.

    Raises:
        ConfigError: A number out of range.
        UnknownNameError: There is no such sampler.
    """

    steps: int = 249
    sampler: Sampler = "campbell"
    eta: float = 30.0
    hc_thresh: float = 0.9
    temperature: float | Literal["decay"] | Callable[[float], float] = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps is {self.steps}.", allowed="a whole number from 1")
        if self.sampler not in SAMPLERS:
            raise UnknownNameError("sampler of tokens", self.sampler, SAMPLERS)
        if not (math.isfinite(self.eta) and self.eta >= 0):
            raise ConfigError(f"eta is {self.eta}.", allowed="a number from 0")
        if not 0 <= self.hc_thresh <= 1:
            raise ConfigError(f"hc_thresh is {self.hc_thresh}.", allowed="a number from 0 to 1")
        fixed = isinstance(self.temperature, int | float) and math.isfinite(self.temperature) and self.temperature > 0
        if not (fixed or self.temperature == DECAY or callable(self.temperature)):
            raise ConfigError(
                f"temperature is {self.temperature!r}.", allowed=f'a positive number, "{DECAY}", or a function of t'
            )

    def temperature_at(self, t: float) -> float:
        """The temperature at a time before 1."""
        if callable(self.temperature):
            return self.temperature(t)
        if self.temperature == DECAY:
            return float(DECAY_SCALE * (1 - t) ** DECAY_POWER)
        return float(self.temperature)

    def changed(self, **changes: Any) -> Self:
        """The same options but for some.

        Raises:
            ConfigError: There is no such option, or a number is out of range.
        """
        self._require_known(changes)
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON.

        Raises:
            ConfigError: The temperature is a function.
        """
        if callable(self.temperature):
            raise ConfigError(
                "A temperature that is a function cannot be written to a file.",
                allowed=f'a positive number or "{DECAY}"',
                remedy="with_options after the model is loaded",
            )
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: There is no such option, or a number is out of range.
        """
        cls._require_known(values)
        return cls(**cast(dict[str, Any], values))

    @classmethod
    def _require_known(cls, values: Mapping[str, Any]) -> None:
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise UnknownNameError("option of sampling tokens", name, known)
