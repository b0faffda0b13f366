"""Judges read from the layouts of the published weights give what their networks give without molvm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from molvm.errors import ModelError
from molvm.models.images.judges.clip import ClipJudge
from molvm.models.images.judges.image_reward import DEVIATION, MEAN, ImageRewardJudge
from tests.models.images.judges import tiny_judges as tiny

MEANS, DEVIATIONS = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's pixels."""

TOKENS = torch.tensor([[0, 28, 4, 2, 47, 1]])
"""<|startoftext|> a</w> c a t</w> <|endoftext|>, numbered as in the vocabulary of the tests."""


def pixels(seed: int = 0) -> Tensor:
    values = torch.from_numpy(np.asarray(tiny.picture(seed), dtype=np.float32) / 255)
    return ((values - torch.tensor(MEANS)) / torch.tensor(DEVIATIONS)).permute(2, 0, 1)[None]


@torch.no_grad()
def expected_cosine(model: nn.Module) -> float:
    out = model(input_ids=TOKENS, pixel_values=pixels())
    return float((out.image_embeds * out.text_embeds).sum())


def test_clip_score_and_pickscore_are_cosines_of_clip(tmp_path: Path) -> None:
    cosine = expected_cosine(model := tiny.clip(tmp_path / "clip"))
    judge = ClipJudge(tmp_path / "clip")
    assert judge.cosine(tiny.picture(), "a cat") == pytest.approx(cosine, abs=1e-6)
    assert judge.clip_score(tiny.picture(), "a cat") == pytest.approx(100 * max(cosine, 0), abs=1e-4)
    scale = float(model.logit_scale.detach().exp())
    assert judge.scaled_cosine(tiny.picture(), "a cat") == pytest.approx(scale * cosine, abs=1e-4)
    assert judge.cosine(tiny.picture(), "a cat") != judge.cosine(tiny.picture(), "the dog")
    assert judge.cosine(tiny.picture(), "a cat " * 100) != judge.cosine(tiny.picture(), "a cat")  # cut to fit


def test_hps_reads_a_checkpoint_of_open_clip(tmp_path: Path) -> None:
    cosine = expected_cosine(model := tiny.clip(tmp_path / "clip"))
    torch.save({"state_dict": tiny.open_clip_weights(model), "epoch": 1}, tmp_path / "HPS_v2.1_compressed.pt")
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    model.save_pretrained(tmp_path / "clip")  # settings and tokenizer are read from there, and nothing else
    judge = ClipJudge(tmp_path / "clip", checkpoint=tmp_path / "HPS_v2.1_compressed.pt")
    assert judge.cosine(tiny.picture(), "a cat") == pytest.approx(cosine, abs=1e-6)


@pytest.mark.parametrize("version", [1, 2])
def test_aesthetic_scores_are_heads_of_the_normalised_embedding(tmp_path: Path, version: int) -> None:
    model = tiny.clip(tmp_path / "clip")
    torch.manual_seed(3)
    head = nn.Linear(8, 1) if version == 1 else tiny.mlp(8)
    weights = (
        head.state_dict() if version == 1 else {f"layers.{name}": each for name, each in head.state_dict().items()}
    )
    torch.save(weights, tmp_path / "head.pth")
    judge = ClipJudge(tmp_path / "clip", head=tmp_path / "head.pth")
    with torch.no_grad():
        embedding = model.get_image_features(pixel_values=pixels()).pooler_output
        expected = float(head(embedding / embedding.norm()))
    assert judge.head_of_image(tiny.picture(), "") == pytest.approx(expected, abs=1e-5)


def test_image_reward_is_the_head_of_the_text_that_looks_at_the_image(tmp_path: Path) -> None:
    vision, text, head = tiny.image_reward(tmp_path)
    judge = ImageRewardJudge(tmp_path / "ImageReward.pt", tmp_path / "bert")
    ids = torch.zeros(1, 35, dtype=torch.long)
    ids[0, :4] = torch.tensor([2, 5, 6, 3])  # [CLS] a cat [SEP] [PAD] ...
    with torch.no_grad():
        seen = vision(pixel_values=pixels()).last_hidden_state
        read = text(input_ids=ids, attention_mask=(ids > 0).long(), encoder_hidden_states=seen).last_hidden_state
        expected = (float(head(read[:, 0])) - MEAN) / DEVIATION
    assert judge.score(tiny.picture(), "a cat") == pytest.approx(expected, rel=1e-5)
    assert judge.score(tiny.picture(1), "a cat") != pytest.approx(expected, rel=1e-3)
    assert judge.score(tiny.picture(), "the dog") != pytest.approx(expected, rel=1e-3)


def test_other_files_are_refused(tmp_path: Path) -> None:
    tiny.clip(tmp_path / "clip")
    (tmp_path / "text.pt").write_text("no weights")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    for file, message in (("text.pt", "cannot be read"), ("other.pt", "no linear layers")):
        with pytest.raises(ModelError, match=message):
            ClipJudge(tmp_path / "clip", head=tmp_path / file)
    with pytest.raises(ModelError, match="CLIP cannot be read"):
        ClipJudge(tmp_path / "clip", checkpoint=tmp_path / "other.pt")
    with pytest.raises(ModelError, match="CLIP cannot be read"):
        ClipJudge(tmp_path)
    with pytest.raises(ModelError, match="ImageReward cannot be read"):
        ImageRewardJudge(tmp_path / "other.pt", tmp_path)
