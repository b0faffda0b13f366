"""`molvm train --objective` ddpo, dpok, ct-ppo: methods that train a residual control, by the same commands as any."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molvm.models.hub import load_model
from molvm.training.checkpoint import load_checkpoint
from tests.cli.conftest import Molvm

FLAGS = "--strength 2 --batch-size 6 --steps 6 --value-size A --set reward.workers=1"
SMALL = FLAGS.split(" ")


@pytest.mark.parametrize("objective", ["ddpo", "ct-ppo"])
def test_it_trains_resumes_and_samples_like_any_other(
    molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str, objective: str
) -> None:
    given = (
        "--objective",
        objective,
        "--model",
        tiny_path,
        "--reward",
        spread_reward,
        *SMALL,
        "--set",
        "training.checkpoint_every=2",
    )
    before = load_model(tiny_path).card["sha256"]
    for out, count in (("whole", 4), ("parts", 2)):
        said = molvm("train", *given, "--iterations", count, "--out", out)
        assert said.code == 0, said.err
    assert molvm("train", "--resume", "parts", "--iterations", 4).code == 0
    ends = [load_checkpoint(tmp_path / out / "checkpoints") for out in ("whole", "parts")]
    assert all(torch.equal(tensor, ends[1].tensors[name]) for name, tensor in ends[0].tensors.items())
    assert any(bool(tensor.any()) for name, tensor in ends[0].tensors.items() if "of_pairs" in name)
    assert molvm("sample", "whole", "-n", 3, "--score", "--out", "a.sdf").code == 0
    assert load_model(tiny_path).card["sha256"] == before
    for dial in (("--exact",), ("--tilt-size",)):
        said = molvm("sample", "whole", "-n", 2, *dial, "--out", "b.sdf")
        assert said.code == 2
        assert "learns no value function" in said.err


def test_what_it_cannot_do_is_refused(molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str) -> None:
    given = ("train", "--reward", spread_reward, *SMALL, "--iterations", 1, "--out", "run", "--objective")
    for setting in ("sampling.kl_limit=3", "value.reads=endpoint", "objective.clip_range=0"):
        said = molvm(*given, "dpok", "--model", tiny_path, "--set", setting)
        assert said.code == 2
        assert setting.split("=")[0] in said.err
    assert not (tmp_path / "run").exists()
