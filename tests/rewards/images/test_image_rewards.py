from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from molvm.chem.molecule import Molecule
from molvm.errors import MolVMError, RewardError, UnknownNameError
from molvm.images import Image
from molvm.rewards import isolated, parse_reward, product, qed, reward, weighted_sum
from molvm.rewards.images.colour import LUMA, Brightness, brightness, colour
from molvm.rewards.images.compressed import Compressed, compressed, jpeg
from molvm.rewards.subjects import require_subject, subject_of
from molvm.runs.reward_source import resolve_reward


def image(seed: int = 0, level: float = 1.0, channels: int = 3) -> Image:
    noise = np.random.default_rng(seed).random((32, 24, channels)) * 255 * level
    return Image(noise.astype(np.uint8), f"i{seed}")


def test_bits_per_pixel_are_those_of_pillows_file() -> None:
    buffer = io.BytesIO()
    image().pil().save(buffer, format="JPEG", quality=85, optimize=True)
    assert jpeg()([image()])[0].value == 8 * len(buffer.getvalue()) / (32 * 24)


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_noise_takes_more_bits_than_a_plain_image(name: str) -> None:
    flat = Image(np.full((32, 24, 3), 100, np.uint8), "flat")
    noisy, plain = Compressed(name)([image(), flat])  # type: ignore[arg-type]
    assert noisy.value is not None
    assert plain.value is not None
    assert noisy.value > 2 * plain.value


def test_the_direction_is_part_of_the_name_that_is_written() -> None:
    assert parse_reward("jpeg").direction == "minimise"
    assert parse_reward("jpeg(direction=maximise)").direction == "maximise"
    with pytest.raises(RewardError, match="maximise, minimise"):
        parse_reward("jpeg(direction=up)")
    with pytest.raises(RewardError, match="1 to 100"):
        jpeg(quality=0)
    with pytest.raises(UnknownNameError):
        compressed("gif")  # type: ignore[arg-type]


def test_brightness_is_mean_luma() -> None:
    red = Image(np.tile(np.array([255, 0, 0], np.uint8), (4, 4, 1)), "red")
    assert brightness()([red])[0].value == pytest.approx(LUMA[0])
    assert Brightness()([Image(np.full((4, 4, 1), 51, np.uint8))])[0].value == pytest.approx(0.2)


def test_distance_to_a_colour() -> None:
    red = Image(np.tile(np.array([255, 0, 0], np.uint8), (4, 4, 1)), "red")
    assert colour(1, 0, 0)([red])[0].value == 0
    assert colour(0, 0, 0)([red])[0].value == pytest.approx(np.sqrt(1 / 3))
    with pytest.raises(RewardError, match="from 0 to 1"):
        colour(2, 0, 0)


@reward(judges="images", unit="pixels")
def width(picture: PIL.Image.Image) -> float:
    """Width."""
    return picture.width


def test_a_function_of_a_pillow_image_is_a_reward() -> None:
    assert subject_of(width) == "images"
    assert width([image()])[0].value == 24
    failing = reward(judges="images", name="failing")(lambda _: float("nan"))
    outcome = failing([image()])[0]
    assert outcome.failure is not None
    assert outcome.failure.kind == "reward_error"


def test_a_plain_function_in_a_file_is_given_what_is_judged(tmp_path: Path) -> None:
    (tmp_path / "height_of_image.py").write_text("def height(picture):\n    return picture.height\n")
    found = resolve_reward(f"{tmp_path / 'height_of_image.py'}:height", "images")
    assert found([image()])[0].value == 32


def test_combinations_of_image_rewards_judge_images() -> None:
    both = weighted_sum(brightness(), colour(1, 1, 1))
    assert subject_of(both) == "images"
    assert both([image()])[0].value is not None
    with pytest.raises(RewardError, match="do not go together"):
        product(qed(), parse_reward("linear(brightness, 0, 1)"))


@pytest.mark.parametrize(("name", "subject"), [("jpeg", "molecules"), ("qed", "images")])
def test_a_reward_is_not_asked_of_what_it_does_not_judge(name: str, subject: str) -> None:
    with pytest.raises(MolVMError, match="judges"):
        require_subject(parse_reward(name), subject, "these are")  # type: ignore[arg-type]


def test_workers_judge_images_without_torch() -> None:
    images = [image(seed, level=seed / 5) for seed in range(1, 6)]
    with isolated(jpeg(), n_workers=1) as scorer:
        far = [outcome.value for outcome in scorer(images)]
    assert far == [outcome.value for outcome in jpeg()(images)]
    program = (
        "import sys, numpy\nfrom molvm.images import Image\nfrom molvm.rewards import jpeg\n"
        "assert jpeg()([Image(numpy.zeros((8, 8, 1), numpy.uint8))])[0].ok\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_molecule_is_a_failure_of_an_image_reward() -> None:
    lonely = Molecule([6], [[0.0, 0.0, 0.0]], [0], [], [], id="C")  # type: ignore[arg-type]
    outcome = jpeg()([lonely])[0]
    assert outcome.failure is not None
    assert outcome.failure.kind == "reward_error"


def test_they_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(jpeg(direction="maximise", quality=50)))  # noqa: S301
    assert (again.direction, again.quality) == ("maximise", 50)
