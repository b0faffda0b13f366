"""The network, schedules, loss and sampler agree with upstream's recorded numbers."""

from __future__ import annotations

import itertools

import pytest
import torch

from molvm.models.flowmol.matching import LOSS_WEIGHTS, flowmol_schedules, matching_loss, time_weights
from molvm.models.flowmol.network import to_endpoint
from molvm.sde.transition import euler_maruyama
from tests.models.flowmol.upstream import MODALITIES, UpstreamCase, largest_difference


@pytest.mark.parametrize(
    ("dtype", "entry", "tolerance"),
    [(torch.float64, "endpoint_logits_f64", 1e-12), (torch.float32, "endpoint_logits", 1e-4)],
)
def test_endpoint_logits(upstream: UpstreamCase, dtype: torch.dtype, entry: str, tolerance: float) -> None:
    network = upstream.network.to(dtype)
    for case in upstream.record["forward"]:
        predicted = network(upstream.state(case["x_t"], dtype), case["t"].to(dtype))
        assert largest_difference(predicted, upstream.state(case[entry], dtype)) <= tolerance


def test_endpoint_is_softmaxed_and_centred(upstream: UpstreamCase) -> None:
    for case in upstream.record["forward"]:
        x = upstream.state(case["x_t"], torch.float32)
        predicted = upstream.network.predict(x, case["t"])
        assert largest_difference(predicted, upstream.state(case["endpoint_infer"], torch.float32)) <= 1e-4


def test_schedules_and_time_weights(upstream: UpstreamCase) -> None:
    schedules = flowmol_schedules(upstream.network.config)
    record = {name: value.double() for name, value in upstream.record["schedule"].items()}
    alpha, rate = schedules.alpha(record["t"]), schedules.collect(lambda schedule: schedule.alpha_dot(record["t"]))
    inside = record["t"] < 1
    weights = time_weights(schedules, record["t"][inside])
    for column, name in enumerate(MODALITIES.values()):
        torch.testing.assert_close(alpha[name], record["alpha"][:, column], atol=1e-6, rtol=0)
        torch.testing.assert_close(rate[name], record["alpha_prime"][:, column], atol=2e-6, rtol=1e-6)
        torch.testing.assert_close(weights[name], record["loss_weights"][inside, column], atol=1e-5, rtol=1e-5)


def test_loss_and_gradients(upstream: UpstreamCase) -> None:
    record = upstream.record["loss"]
    x = upstream.state(record["x_t"], torch.float32)
    data = upstream.state(upstream.record["true"], torch.float32)
    weights = time_weights(flowmol_schedules(upstream.network.config), record["t"])
    loss = matching_loss(upstream.network(x, record["t"]), data, weights, averaging="upstream")
    assert {key: record["weights"][key] for key in MODALITIES} == {
        key: LOSS_WEIGHTS[name] for key, name in MODALITIES.items()
    }
    for key, name in MODALITIES.items():
        torch.testing.assert_close(loss.by_modality[name], record["losses"][key], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(loss.total, record["total"], atol=1e-5, rtol=1e-5)
    loss.total.backward()
    parameters = dict(upstream.network.named_parameters())
    for name, expected in record.get("grads", {}).items():
        gradient = parameters[name.removeprefix("vector_field.")].grad
        assert gradient is not None
        torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=0)
    untrained = {name for name, parameter in parameters.items() if parameter.grad is None}
    assert untrained == {
        name.removeprefix("vector_field.") for name in record["params_without_grad"] if "dummy_param" not in name
    }


@torch.no_grad()
@pytest.mark.parametrize(
    ("dtype", "entry", "tolerance"), [(torch.float64, "final_f64", 1e-12), (torch.float32, "final", 1e-4)]
)
def test_sampled_trajectory(upstream: UpstreamCase, dtype: torch.dtype, entry: str, tolerance: float) -> None:
    """Explicit Euler on linspace(0, 1, n), step by step as upstream takes it."""
    network = upstream.network.to(dtype)
    schedules = flowmol_schedules(network.config)
    for record in upstream.record["integrate"]:
        x = upstream.state(record["prior"], dtype)
        # Upstream clamps the first time to 1e-9 in place, so the network and the rate of the first step see that.
        grid = torch.linspace(0, 1, record["n_timesteps"], dtype=torch.float64).clamp(min=1e-9)
        for t, s in itertools.pairwise(grid):
            step = euler_maruyama(schedules, t, s, noise_level=0.0, exact_increments=False)
            endpoint = to_endpoint(network(x, t.to(dtype).expand(len(x))))
            x = x.scale(step.keep) + endpoint.scale(step.pull)
        assert largest_difference(x, upstream.state(record[entry], dtype)) <= tolerance
