"""Where the weights of published judges of images lie; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from molvm.errors import RewardError

CLIP_L: Final = "openai/clip-vit-large-patch14"
CLIP_H: Final = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
PICKSCORE: Final = "yuvalkirstain/PickScore_v1"
BERT: Final = "google-bert/bert-base-uncased"


def folder_of(reward: str, parameter: str, given: str, *, marker: str = "config.json") -> str:
    """The folder of a model in the layout of transformers.

    Args:
        reward: For messages.
        parameter: The reward's parameter, for messages.
        given: A folder, or the name of a repository that is in the user's cache of the Hugging Face Hub.
        marker: A file that it has.

    Raises:
        RewardError: It is neither.
    """
    if (found := find_folder(given, marker)) is not None:
        return str(found)
    raise RewardError(
        f"The reward {reward} needs the folder of {given}, which is not on this machine.",
        allowed=f"{parameter}=FOLDER with {marker} and all beside it",
        remedy=f"`hf download {given}` where there is a network, from https://huggingface.co/{given}; it is then found "
        f"by itself, or copied and given as {reward}({parameter}=FOLDER)",
    )


def find_folder(given: str, marker: str = "config.json") -> Path | None:
    """A folder, or the repository of that name in the user's cache of the hub; None where there is neither."""
    path = Path(given).expanduser()
    if path.is_dir():
        return path.resolve()
    cached = _cached(given, marker)
    return None if cached is None else cached.parent


def file_of(reward: str, parameter: str, given: str | None, name: str, *, source: str, repository: str = "") -> str:
    """A file of weights.

    Args:
        reward: For messages.
        parameter: The reward's parameter, for messages.
        given: Its path, if the user says it.
        name: What it is called where it is published.
        source: Where that is.
        repository: Of the Hugging Face Hub, in whose cache it is looked for.

    Raises:
        RewardError: It is not there.
    """
    path = Path(name if given is None else given).expanduser()
    if path.is_file():
        return str(path.resolve())
    if given is None and repository and (cached := _cached(repository, name)) is not None:
        return str(cached)
    raise RewardError(
        f"The reward {reward} needs the file {name if given is None else given}, which is not on this machine.",
        allowed=f"{parameter}=PATH",
        remedy=f"download {name} from {source}, and {reward}({parameter}=PATH)",
    )


def _cached(repository: str, file: str) -> Path | None:
    """A file in the user's cache of the hub."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(repository, file)
    except HFValidationError:  # a path, not a repository
        return None
    return Path(found) if isinstance(found, str) else None
