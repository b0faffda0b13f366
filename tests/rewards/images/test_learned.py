"""Learned rewards: what is missing is named, and what is there answers from a process of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from molvm.errors import RewardError, UnknownNameError
from molvm.images import Image
from molvm.models.images.judges import program
from molvm.models.images.judges.clip import ClipJudge
from molvm.rewards import isolated, parse_reward
from molvm.rewards.base import wants_one_process
from molvm.rewards.pools import fitting_workers
from molvm.runs.reward_source import reward_location
from tests.models.images.judges import tiny_judges as tiny


def image(prompt: str = "a cat") -> Image:
    return Image.from_pil(tiny.picture(), "one", prompt=prompt)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize(
    ("name", "file", "source"),
    [
        ("clip_score", "openai/clip-vit-large-patch14", "https://huggingface.co/openai/clip-vit-large-patch14"),
        ("aesthetic", "sac+logos+ava1-l14-linearMSE.pth", "improved-aesthetic-predictor"),
        ("aesthetic_v1", "sa_0_4_vit_l_14_linear.pth", "LAION-AI/aesthetic-predictor"),
        ("pickscore", "yuvalkirstain/PickScore_v1", "hf download yuvalkirstain/PickScore_v1"),
        ("hps", "HPS_v2.1_compressed.pt", "https://huggingface.co/xswu/HPSv2"),
        ("hps(2.0)", "HPS_v2_compressed.pt", "hps(checkpoint=PATH)"),
        ("image_reward", "ImageReward.pt", "https://huggingface.co/THUDM/ImageReward"),
    ],
)
def test_what_is_missing_is_named_with_its_source(name: str, file: str, source: str) -> None:
    with pytest.raises(RewardError, match="is not on this machine") as raised:
        parse_reward(name)
    assert file in str(raised.value)
    assert source in str(raised.value)


def test_it_answers_from_a_process_beside_a_worker(tmp_path: Path) -> None:
    tiny.clip(tmp_path / "clip")
    reward = parse_reward(f"clip_score({str(tmp_path / 'clip')!r})")
    with isolated(reward, 1) as scorer:  # type: ignore[arg-type]
        outcomes = scorer([image(), image("")])  # type: ignore[list-item]
    expected = ClipJudge(tmp_path / "clip").clip_score(tiny.picture(), "a cat")
    assert outcomes[0].value == pytest.approx(expected, abs=1e-4)
    assert outcomes[1].failure is not None
    assert (outcomes[1].failure.kind, outcomes[1].failure.stage) == ("rejected", "prompt")


def test_a_damaged_file_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice, because an image that cannot be judged is a failure and not the end."""
    tiny.clip(tmp_path / "clip")
    (tmp_path / "head.pth").write_text("damaged")
    settings = {"judge": "head", "clip": str(tmp_path / "clip"), "head": str(tmp_path / "head.pth")}
    monkeypatch.setattr(sys, "argv", ["program", json.dumps(settings)])
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}\n{}\n"))
    monkeypatch.setattr(program.torch, "set_num_threads", lambda count: None)
    program.main()
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == 2
    assert all("head.pth cannot be read" in answer["refused"] for answer in answers)


def test_one_process_of_it_is_enough_within_a_combination_too(tmp_path: Path) -> None:
    tiny.clip(tmp_path / "clip")
    both = parse_reward(f"weighted_sum(brightness, clip_score({str(tmp_path / 'clip')!r}))")
    assert wants_one_process(both)
    assert fitting_workers(None, both) == 1
    assert fitting_workers(3, both) == 3
    assert fitting_workers(None, parse_reward("jpeg")) is None


def test_its_folder_is_kept_absolute_with_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "clip").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert reward_location("clip_score('models/clip')") == f"clip_score({str(tmp_path / 'models' / 'clip')!r})"


def test_versions_of_hps_are_two() -> None:
    with pytest.raises(UnknownNameError, match=r"2\.0, 2\.1"):
        parse_reward("hps(3)")


def test_declaring_it_loads_no_torch(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    text = f"pickscore({str(tmp_path / 'clip')!r})"
    code = f"import sys; from molvm.rewards import parse_reward; parse_reward({text!r}); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "transformers"} & set(found.split())
