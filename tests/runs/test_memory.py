from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from typer.testing import CliRunner

from molvm.cli.app import app
from molvm.errors import ConfigError, UnknownNameError
from molvm.runs import architectures, memory
from molvm.runs.architectures import Architecture
from molvm.runs.memory import estimate_memory, peak


def tiny(layers: int) -> Architecture:
    settings = {"sample_size": 8, "num_layers": layers, "num_attention_heads": 2, "attention_head_dim": 8}
    return Architecture(("DiTTransformer2DModel", {**settings, "in_channels": 4, "out_channels": 8}), (4, 8))


@pytest.mark.parametrize("depth", [4, 16])
def test_the_peak_of_a_chain_is_known(depth: int) -> None:
    """Without a graph two activations live at once, with one all of them."""
    size = 4 * 256 * 1000
    with FakeTensorMode():
        layers = nn.Sequential(*(nn.Sigmoid() for _ in range(depth)))
        x = torch.zeros(256, 1000)
        assert peak(lambda: torch.no_grad()(layers)(x)) == 2 * size
        x.requires_grad_()
        assert peak(lambda: layers(x)) == depth * size


def test_only_a_graph_grows_with_the_depth_of_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Value Matching takes the weights of more layers, and not what passes through them."""
    monkeypatch.setattr(architectures, "ARCHITECTURES", {"two": tiny(2), "six": tiny(6)})
    two, six = (estimate_memory(name, 16, value_size="A") for name in ("two", "six"))
    assert six.forward == pytest.approx(two.forward, rel=0.05)
    assert (six.decoding, six.value, six.learning) == (two.decoding, two.value, two.learning)
    assert six.value_matching - six.base == pytest.approx(two.value_matching - two.base, rel=0.05)
    slopes = [each.through_two - each.through_one for each in (two, six)]
    assert slopes[1] > 2 * slopes[0]
    assert two.through_the_base == two.through_one + 15 * slopes[0]
    monkeypatch.setattr(memory, "estimate_memory", lambda *_, **__: two)
    said = CliRunner().invoke(app, ["doctor", "--memory", "two", "--batch", "16"])
    assert said.exit_code == 0
    assert "V1 + 15 (V2 - V1)" in said.output


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sd3'"):
        estimate_memory("sd33")
    with pytest.raises(ConfigError, match="batch is 0"):
        estimate_memory("dit", 0)
    with pytest.raises(UnknownNameError, match="value network size"):
        estimate_memory("dit", value_size="G")
