"""Rewards that people's preferences have taught to networks, each in a process beside this one.

A worker holds no torch; the network is in a program that the worker keeps (`molvm.models.images.judges.program`).
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, get_args

from molvm.errors import MissingDependencyError, UnknownNameError
from molvm.images.files import png_bytes
from molvm.images.image import Image
from molvm.programs.companion import Companion, CompanionError
from molvm.rewards.base import Outcome
from molvm.rewards.images.base import ImageReward
from molvm.rewards.images.weights import BERT, CLIP_H, CLIP_L, PICKSCORE, file_of, folder_of

PROGRAM: Final = "molvm.models.images.judges.program"

SECONDS: Final = 600.0
"""For an answer, the first of which waits until gigabytes of weights are read."""

HpsVersion = Literal["2.0", "2.1"]

HPS_FILES: Final[Mapping[str, str]] = {"2.0": "HPS_v2_compressed.pt", "2.1": "HPS_v2.1_compressed.pt"}


class LearnedReward(ImageReward):
    """A published network's judgement; more is better.

    Args:
        name: Of the reward.
        settings: Of the program: what is computed, and from which files.
        reads_prompt: Whether the value depends on what the image was asked to show.

    Raises:
        MissingDependencyError: transformers is not installed.
    """

    unit = ""
    cost = 1.0
    time_limit = SECONDS
    one_process = True

    def __init__(self, name: str, settings: Mapping[str, str], *, reads_prompt: bool = True) -> None:
        super().__init__("maximise")
        _require_transformers(name)
        self.name, self.settings, self.reads_prompt = name, dict(settings), reads_prompt
        self.note = ", ".join(value for key, value in settings.items() if key != "judge")

    def evaluate(self, image: Image) -> Outcome:
        """The value, or why the network gave none."""
        if self.reads_prompt and not image.prompt:
            return self.fail(image, "rejected", "prompt", f"{self.name} compares an image with its prompt: it has none")
        request = {"png": base64.b64encode(png_bytes(image)).decode(), "prompt": image.prompt}
        try:
            answer = json.loads(
                _companion(json.dumps(self.settings)).ask(json.dumps(request).encode(), time_limit=SECONDS)
            )
        except CompanionError as error:
            return self.fail(image, error.ending, self.name, str(error))
        if "refused" in answer:
            return self.fail(image, "failed", self.name, answer["refused"])
        return self.succeed(image, float(answer["value"]))


@lru_cache(maxsize=4)
def _companion(settings: str) -> Companion:
    """One for each judge; a process of it is several gigabytes large."""
    return Companion([sys.executable, "-m", PROGRAM, settings])


def _require_transformers(name: str) -> None:
    from importlib.util import find_spec

    if find_spec("transformers") is None:
        raise MissingDependencyError("transformers", "images", f"The reward {name}")


def clip_score(clip: str = CLIP_L) -> LearnedReward:
    """100 max(cos, 0) of CLIP's embeddings of image and prompt (Hessel et al. 2021), 0 to 100; some 25 to 35 in use.

    Args:
        clip: Folder of a CLIP in the layout of transformers, or its repository in your cache of the hub.
    """
    return LearnedReward("clip_score", {"judge": "clip_score", "clip": folder_of("clip_score", "clip", clip)})


def aesthetic(head: str | None = None, clip: str = CLIP_L) -> LearnedReward:
    """LAION's aesthetic score by the MLP on CLIP ViT-L/14 (version 2, as DDPO and AlignProp have it), about 1 to 10.

    Its values are not those of `aesthetic_v1`.

    Args:
        head: Path of sac+logos+ava1-l14-linearMSE.pth.
        clip: Folder of CLIP ViT-L/14, or its repository in your cache of the hub.
    """
    source = "https://github.com/christophschuhmann/improved-aesthetic-predictor"
    return _aesthetic("aesthetic", head, "sac+logos+ava1-l14-linearMSE.pth", source, clip)


def aesthetic_v1(head: str | None = None, clip: str = CLIP_L) -> LearnedReward:
    """LAION's first aesthetic score, one linear layer on CLIP ViT-L/14, as in the Value Matching paper's code.

    Its values are not those of `aesthetic`.

    Args:
        head: Path of sa_0_4_vit_l_14_linear.pth.
        clip: Folder of CLIP ViT-L/14, or its repository in your cache of the hub.
    """
    source = "https://github.com/LAION-AI/aesthetic-predictor"
    return _aesthetic("aesthetic_v1", head, "sa_0_4_vit_l_14_linear.pth", source, clip)


def _aesthetic(name: str, head: str | None, file: str, source: str, clip: str) -> LearnedReward:
    found = {
        "judge": "head",
        "head": file_of(name, "head", head, file, source=source),
        "clip": folder_of(name, "clip", clip),
    }
    return LearnedReward(name, found, reads_prompt=False)


def pickscore(model: str = PICKSCORE) -> LearnedReward:
    """PickScore of image and prompt (Kirstain et al. 2023): CLIP ViT-H's scaled cosine, some 18 to 24.

    Args:
        model: Folder of PickScore_v1, or its repository in your cache of the hub.
    """
    return LearnedReward("pickscore", {"judge": "scaled_cosine", "clip": folder_of("pickscore", "model", model)})


def hps(version: HpsVersion = "2.1", checkpoint: str | None = None, clip: str = CLIP_H) -> LearnedReward:
    """Human Preference Score v2 of image and prompt (Wu et al. 2023), a cosine, some 0.2 to 0.35.

    Tables often have 100 times it.

    Args:
        version: "2.0" or "2.1"; their values are not comparable.
        checkpoint: Path of HPS_v2_compressed.pt or HPS_v2.1_compressed.pt.
        clip: Folder of CLIP ViT-H/14, for its settings and tokenizer, or its repository in your cache of the hub.
    """
    version = str(version)  # type: ignore[assignment]  # 2.1 is a number in an expression
    if version not in get_args(HpsVersion):
        raise UnknownNameError("version of the Human Preference Score", version, get_args(HpsVersion))
    repository = "xswu/HPSv2"
    source = f"https://huggingface.co/{repository}"
    found = {
        "judge": "cosine",
        "checkpoint": file_of(
            "hps", "checkpoint", checkpoint, HPS_FILES[version], source=source, repository=repository
        ),
        "clip": folder_of("hps", "clip", clip),
    }
    return LearnedReward(f"hps_v{version}", found)


def image_reward(checkpoint: str | None = None, tokenizer: str = BERT) -> LearnedReward:
    """ImageReward of image and prompt (Xu et al. 2023), about 0 in the mean with a standard deviation of about 1.

    Args:
        checkpoint: Path of ImageReward.pt.
        tokenizer: Folder of the tokenizer of uncased BERT, or its repository in your cache of the hub.
    """
    repository = "THUDM/ImageReward"
    source = f"https://huggingface.co/{repository}"
    found = {
        "judge": "image_reward",
        "checkpoint": file_of(
            "image_reward", "checkpoint", checkpoint, "ImageReward.pt", source=source, repository=repository
        ),
        "tokenizer": folder_of("image_reward", "tokenizer", tokenizer, marker="tokenizer_config.json"),
    }
    return LearnedReward("image_reward", found)
