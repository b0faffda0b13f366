from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molvm.errors import MissingDependencyError
from molvm.models.flowmol.compiled import compile_blocks
from molvm.models.hub import load_model
from molvm.states import MoleculeState
from tests.runs.tiny import save_tiny


def spread(x: MoleculeState, t: torch.Tensor) -> torch.Tensor:
    return x.positions.square().sum(dim=(1, 2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's compiler looks at every tensor's
def test_a_compiled_model_predicts_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For batches and sizes other than those that it was compiled for too, and so do its gradients."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    path = save_tiny(tmp_path / "tiny")
    plain, compiled = load_model(path, precision="float32"), load_model(path, precision="float32", compile=True)
    for count, size in ((3, 5), (2, 9), (5, 4)):
        x = plain.noise(torch.full((count,), size), count, torch.Generator().manual_seed(count))
        t = torch.linspace(0.1, 0.9, count)
        expected, found = plain.predict_endpoint(x, t), compiled.predict_endpoint(x, t)
        _, slope = plain.differentiate_endpoint(x, t, spread)
        _, same = compiled.differentiate_endpoint(x, t, spread)
        for name, part in expected.parts.items():
            torch.testing.assert_close(found.parts[name], part, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(same.parts[name], slope.parts[name], rtol=1e-3, atol=1e-4)


def test_compiling_needs_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molvm.models.flowmol.compiled.shutil.which", lambda name: None)
    with pytest.raises(MissingDependencyError, match="Compiling the base model"):
        compile_blocks(load_model(save_tiny(tmp_path / "tiny")).network)
