"""FlowMol over tokens as a base model: sampled by its own chain, not steered yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from molvm.models.flowmol.ctmc.chain import token_chain
from molvm.models.flowmol.ctmc.config import CtmcConfig
from molvm.models.flowmol.ctmc.network import CtmcNetwork
from molvm.models.flowmol.ctmc.options import ChainOptions
from molvm.models.flowmol.ctmc.tokens import masked
from molvm.models.flowmol.frozen import MOLECULES_AT_ONCE, FrozenFlowMol, as_molecules
from molvm.models.flowmol.network import to_endpoint, to_probabilities
from molvm.models.flowmol.sizes import SizeHistogram
from molvm.models.precision import Precision
from molvm.states import MoleculeState, State, in_lanes


class CtmcModel(FrozenFlowMol):
    """A frozen FlowMol-CTMC or FlowMol3.

    Args:
        network: The network, put into evaluation mode and frozen.
        sizes: Numbers of atoms to draw from.
        name: How runs and messages call the model.
        options: How it is sampled unless something else is asked for.
        card: What is known of the model: data, training, metrics.
        precision: Of the matrix products. Geometry and the state of the process keep the network's own type.
    """

    network: CtmcNetwork
    config: CtmcConfig

    def __init__(
        self,
        network: CtmcNetwork,
        sizes: SizeHistogram,
        name: str,
        options: ChainOptions | None = None,
        card: Mapping[str, Any] | None = None,
        precision: Precision = "float32",
    ) -> None:
        super().__init__(network, sizes, name, card, precision)
        self.options = options or ChainOptions()

    def with_options(self, **changes: Any) -> CtmcModel:
        """The same model, sampled in another way.

        Args:
            changes: `steps`, `sampler`, `eta`, `hc_thresh`, `temperature`, as in `ChainOptions`.

        Raises:
            ConfigError: There is no such option, or a number is out of range.
        """
        options = self.options.changed(**changes)
        return CtmcModel(self.network, self.sizes, self.name, options, self.card, self.precision)

    def noise(self, condition: Tensor | None, count: int, generator: torch.Generator | None = None) -> MoleculeState:
        """Centred normal positions, in Å, and masked tokens.

        Args:
            condition: Numbers of atoms, integers of shape (count,); drawn when None.
            count: How many.
            generator: Source of randomness.

        Raises:
            ModelError: A number of atoms below 2.
        """
        x = masked(self._atom_counts(condition, count, generator), self.config, self._parameter.dtype)
        drawn = torch.randn(x.positions.shape, generator=generator, device=x.device, dtype=x.dtype)
        centred = x.replace({**x.parts, "positions": drawn}).project().positions
        return x.replace({**x.parts, "positions": centred})

    def predict_endpoint(self, x: State, t: Tensor, previous: MoleculeState | None = None) -> MoleculeState:
        """x̂₁: centred positions in Å and class probabilities, without an autograd graph.

        Args:
            x: Molecules of tokens.
            t: Times, shape (B,).
            previous: An earlier prediction, for networks with self-conditioning.
        """
        return in_lanes(torch.no_grad()(self._predict), as_molecules(x), t, MOLECULES_AT_ONCE, previous)

    def first_guess(self, x: State) -> MoleculeState | None:
        """What the prediction at t = 0 is told of an earlier one: one made without any, its centre of mass kept.

        None if the network has no self-conditioning.
        """
        if not self.config.self_conditioning:
            return None
        x = as_molecules(x)
        return in_lanes(torch.no_grad()(self._guess), x, x.positions.new_zeros(len(x)), MOLECULES_AT_ONCE)

    def generate(
        self,
        condition: Tensor | None,
        count: int,
        generator: torch.Generator | None = None,
        *,
        steps: int | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> MoleculeState:
        """Molecules at t = 1.

        Args:
            condition: Numbers of atoms, integers of shape (count,); drawn when None.
            count: How many.
            generator: Source of all randomness.
            steps: Steps from noise to data; `options.steps` by default.
            on_step: Called with (steps done, in all).

        Raises:
            ConfigError: The number of steps is not positive.
            ModelError: A number of atoms below 2.
            DivergenceError: A prediction is not finite.
        """
        options = self.options if steps is None else self.options.changed(steps=steps)
        x = self.noise(condition, count, generator)
        chain = token_chain(self.predict_endpoint, x, self.schedules, options, generator, self.first_guess(x))
        for done, state in enumerate(chain, start=1):
            x = state
            if on_step is not None:
                on_step(done, options.steps)
        return x

    def _predict(self, x: MoleculeState, t: Tensor, previous: MoleculeState | None) -> MoleculeState:
        return to_endpoint(self._logits(x, t, previous))

    def _guess(self, x: MoleculeState, t: Tensor) -> MoleculeState:
        return to_probabilities(self._logits(x, t, None))

    def _logits(self, x: MoleculeState, t: Tensor, previous: MoleculeState | None) -> MoleculeState:
        with self._autocast(x):
            logits: MoleculeState = self.network(x, t, previous)
            return logits
