from __future__ import annotations

import pytest
import torch

from molvm.objectives.diagnostics import path_diagnostics
from molvm.studio.path_weights import of_path_weights


@pytest.mark.parametrize("number", [2, 3, 5])
def test_what_is_said_of_the_effective_share_is_so(number: int) -> None:
    """Of n of the same condition it is 1/n at least, however uneven the weights are."""
    log_weights = torch.zeros(4 * number)
    log_weights[::number] = 200.0
    condition = torch.arange(4).repeat_interleave(number)
    assert path_diagnostics(log_weights, condition).ess == pytest.approx(1 / number)
    assert "1/n at least" in of_path_weights("molecules")
