"""A judge as a program: `python -m molvm.models.images.judges.program SETTINGS`, a line of JSON in and one out.

SETTINGS is JSON: what is computed (`judge`), and the paths that it needs. A request has an image (`png`, base64) and a
text (`prompt`); the answer has a `value`, or says what was `refused`.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import PIL.Image
import torch

from molvm.cores import available_cores
from molvm.errors import MolVMError
from molvm.models.images.judges.clip import ClipJudge
from molvm.models.images.judges.image_reward import ImageRewardJudge

Score = Callable[[PIL.Image.Image, str], float]


def judge_of(settings: Mapping[str, str]) -> Score:
    """What scores an image and a text.

    Raises:
        ModelError: Its files cannot be read.
    """
    judge, paths = settings["judge"], {key: Path(value) for key, value in settings.items() if key != "judge"}
    if judge == "image_reward":
        return ImageRewardJudge(paths["checkpoint"], paths["tokenizer"]).score
    clip = ClipJudge(paths["clip"], paths.get("checkpoint"), paths.get("head"))
    scores: Mapping[str, Score] = {
        "clip_score": clip.clip_score,
        "cosine": clip.cosine,
        "scaled_cosine": clip.scaled_cosine,
        "head": clip.head_of_image,
    }
    return scores[judge]


def main() -> None:
    """Answer until there are no more lines."""
    torch.set_num_threads(available_cores())
    score: Score | None = None
    for line in sys.stdin:
        try:
            score = score or judge_of(json.loads(sys.argv[1]))
            answer = _answer(score, json.loads(line))
        except MolVMError as error:
            answer = {"refused": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _answer(score: Score, request: Mapping[str, str]) -> dict[str, float | str]:
    image = PIL.Image.open(io.BytesIO(base64.b64decode(request["png"])))
    return {"value": score(image, request["prompt"])}


if __name__ == "__main__":
    main()
