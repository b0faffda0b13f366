from __future__ import annotations

import math

import pytest
import torch

from molvm.objectives.diagnostics import path_diagnostics


def test_equal_weights_are_perfect() -> None:
    report = path_diagnostics(torch.full((7,), -3.0))
    assert report.log_z == pytest.approx(-3.0)
    assert report.log_z_lower == pytest.approx(-3.0)
    assert report.kl_gap == pytest.approx(0.0, abs=1e-12)
    assert report.ess == pytest.approx(1.0)


def test_one_heavy_weight() -> None:
    report = path_diagnostics(torch.tensor([1000.0, 0.0, 0.0, 0.0]))
    assert report.ess == pytest.approx(0.25)
    assert report.log_z == pytest.approx(1000 - math.log(4))
    assert report.log_z_lower == pytest.approx(250.0)


def test_gaussian_weights_follow_the_closed_forms() -> None:
    """log w ~ N(m, s²): log Z = m + s²/2, gap s²/2, ESS e^{−s²}."""
    draws = 2 + 0.6 * torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    report = path_diagnostics(draws)
    assert report.log_z == pytest.approx(2.18, abs=0.01)
    assert report.kl_gap == pytest.approx(0.18, abs=0.01)
    assert report.ess == pytest.approx(math.exp(-0.36), abs=0.01)


def test_conditions_with_another_partition_are_not_an_error() -> None:
    weights, condition = torch.tensor([5.0, 5.0, 5.0, -5.0]), torch.tensor([9, 9, 9, 4])
    report = path_diagnostics(weights, condition)
    assert report.ess == pytest.approx(1.0)
    assert report.kl_gap == pytest.approx(0.0, abs=1e-12)
    assert report.log_z == pytest.approx(2.5)
    assert path_diagnostics(weights).kl_gap > 1


def test_single_samples_do_not_flatter_the_sample_size() -> None:
    weights = torch.tensor([1000.0, 0.0, 7.0, 8.0, 9.0])
    report = path_diagnostics(weights, torch.tensor([1, 1, 2, 3, 4]))
    assert report.ess == pytest.approx(0.5)
    alone = path_diagnostics(weights[2:], torch.tensor([2, 3, 4]))
    assert alone.ess == pytest.approx(1.0)
