from __future__ import annotations

import pytest
import torch

from molvm.errors import UnknownNameError
from molvm.models.hub import load_model
from molvm.models.precision import resolve_precision


def test_names() -> None:
    assert resolve_precision("float32") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"
    assert resolve_precision("auto") in ("float32", "bfloat16")
    with pytest.raises(UnknownNameError, match="bfloat16"):
        resolve_precision("bfloat61")


def test_auto_needs_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    for capabilities, expected in (
        ({"avx512_bf16": True}, "bfloat16"),
        ({"avx512_f": True}, "float32"),
        ({}, "float32"),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=capabilities: found, raising=False)
        assert resolve_precision("auto") == expected


def test_the_bundled_model_predicts_the_same_in_bfloat16() -> None:
    exact, rounded = load_model("qm9", precision="float32"), load_model("qm9", precision="bfloat16")
    x = exact.noise(torch.tensor([18, 15, 21]), 3, torch.Generator().manual_seed(0))
    for t in (0.1, 0.5, 0.9):
        times = torch.full((3,), t)
        expected, found = exact.predict_endpoint(x, times), rounded.predict_endpoint(x, times)
        assert found.dtype == torch.float32
        differences = {name: float((part - found.parts[name]).abs().max()) for name, part in expected.parts.items()}
        assert max(differences.values()) < 0.05
        assert max(differences.values()) > 0


def test_auto_asks_the_device_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    for supported, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation, found=supported: found)
        assert resolve_precision("auto", "cuda:1") == expected
    assert resolve_precision("auto", "mps") == "float32"
    assert resolve_precision("auto", "cpu") == "bfloat16"
