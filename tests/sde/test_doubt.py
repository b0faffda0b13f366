from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from molvm.chem.molecule import Molecule
from molvm.errors import ConfigError
from molvm.models.base import require_steerable
from molvm.models.flowmol.encode import encode_molecules
from molvm.models.gaussian import ExactValue, GaussianMixtureModel
from molvm.models.hub import load_model
from molvm.models.mixture import GaussianMixture
from molvm.models.tilt import QuadraticReward
from molvm.schedules import LinearSchedule
from molvm.sde import SamplingOptions, Trajectory, simulate, time_grid
from molvm.sde.doubt import FLAWS, SOUND_IN_THE_END, Avoided, doubt_of
from molvm.states import State
from tests.runs.tiny import tiny_model

MODEL = GaussianMixtureModel((GaussianMixture.of([0.5, 0.5], [[0.0], [3.0]], [[1.0], [0.16]]),), LinearSchedule())
REWARD = QuadraticReward((0.5,))
COUNT = 4000


@pytest.mark.parametrize(
    ("smiles", "since"),
    [("CCO", None), ("CC[O]", "broken"), ("C.O", "broken"), ("CC[O-]", "broken_and_charged")],
)
def test_what_is_no_sound_molecule_is_doubted(smiles: str, since: Avoided | None) -> None:
    model = tiny_model()
    state = encode_molecules([Molecule.from_smiles(smiles)], model.config)
    avoids = list(FLAWS)
    for avoided in avoids[1:]:
        doubt = doubt_of(model, avoided)
        assert doubt is not None
        flawed = since is not None and avoids.index(avoided) >= avoids.index(since)
        assert doubt(state, torch.tensor(0.78)).tolist() == pytest.approx([-math.log(SOUND_IN_THE_END) * flawed])
        assert doubt(state, torch.tensor(0.7)).tolist() == [0.0]


def test_nobody_doubts_without_being_asked_or_images() -> None:
    assert doubt_of(tiny_model(), "nothing") is None
    assert doubt_of(require_steerable(load_model("digits")), "broken") is None
    for options, doubts in ((SamplingOptions(), False), (SamplingOptions(avoid="broken"), True)):
        steering = options.steering(tiny_model(), options.grid(MODEL.schedules))
        assert (steering["doubt"] is not None) == doubts
    with pytest.raises(ConfigError, match="avoid is 'ions'"):
        SamplingOptions(avoid="ions")  # type: ignore[arg-type]


def chosen_in_doubt(nats: float) -> Trajectory:
    """Paths that are chosen in doubt of all that the base expects to be positive."""

    def doubt(endpoint: State, _t: Tensor) -> Tensor:
        return nats * (endpoint.parts["x"].squeeze(1) > 0)

    generator = torch.Generator().manual_seed(5)
    return simulate(
        MODEL,
        MODEL.noise(None, COUNT, generator),
        time_grid(MODEL.schedules, 50),
        control=ExactValue(MODEL, REWARD, 1.0),
        generator=generator,
        keep_states=False,
        candidates=4,
        choose_every=5,
        doubt=doubt,
    )


def test_what_is_doubted_is_seldom_chosen() -> None:
    shares = [float((chosen_in_doubt(nats).terminal.parts["x"] > 0).double().mean()) for nats in (0.0, 1.0, 3.0)]
    assert shares[0] > shares[1] > shares[2]


def test_paths_chosen_in_doubt_keep_exact_weights() -> None:
    found = chosen_in_doubt(1.0)
    log_z = float(REWARD.log_partition(MODEL.mixtures[0], 1.0))
    ratios = torch.exp(found.log_weight(1.0, REWARD(found.terminal.parts["x"])) - log_z)
    assert float(ratios.mean()) == pytest.approx(1.0, abs=3 * float(ratios.std()) / COUNT**0.5 + 0.02)
