"""Schedules that schedulers were trained on."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler

from molvm.models.images.scheduler import trained_schedule


@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_a_schedule_that_ends_in_no_signal_still_grows(betas: str) -> None:
    """A step before the end its signal may be below the one that stands for none."""
    rescaled = DDIMScheduler(beta_schedule=betas, rescale_betas_zero_snr=True)
    schedule = trained_schedule(rescaled)
    times = torch.linspace(0, 1, 1001, dtype=torch.float64)
    alpha = schedule.alpha(times)
    assert (alpha.diff() > 0).all()
    assert 0 < alpha[0] < 2.0**-12 + 1e-12
    assert torch.allclose(alpha[1:-1] ** 2, rescaled.alphas_cumprod.double().flip(0)[1:], rtol=1e-6)
