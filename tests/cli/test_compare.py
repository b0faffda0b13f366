"""`molvm compare` on runs that were trained by the real commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from molvm.images import read_png
from molvm.models.hub import save_model
from molvm.models.images.pixel_flow import PixelFlowModel
from molvm.models.images.pixel_network import PixelConfig, PixelNetwork
from tests.cli.conftest import Molvm
from tests.runs.tiny import save_tiny

FLAGS = "--strength 2 --batch-size 6 --steps 6 --value-size A --iterations 3 --set reward.workers=1"
SMALL = FLAGS.split(" ")


def test_runs_of_molecules(molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str) -> None:
    given = ("train", "--model", tiny_path, "--reward", spread_reward, *SMALL)
    for out in ("value-matching", "ddpo", "classifier-guidance"):
        assert molvm(*given, "--objective", out, "--out", out).code == 0
    said = molvm("compare", "value-matching", "ddpo", "--figure", "f.svg")
    assert said.code == 0, said.err
    assert (tmp_path / "f.svg").is_file()
    for line in ("value_matching", "reward at", "KL from the base", "failures", "distance to p*"):
        assert line in said.out
    assert molvm("compare", "value-matching", "ddpo", "--figure", "f.svg").code == 2
    assert "--clip is of images" in molvm("compare", "value-matching", "ddpo", "--clip", "none").err
    assert "make molecules" in molvm("compare", "value-matching", "ddpo", "--images", "f.png").err
    found = json.loads(molvm("compare", "value-matching", "ddpo", "--json").out)
    assert [row["calls"] for row in found["rows"]] == [18, 18]
    refused = molvm("compare", "ddpo", "classifier-guidance")
    assert refused.code == 2
    assert "samples of its base alone" in refused.err
    assert "--count" in refused.err
    found = json.loads(molvm("compare", "ddpo", "classifier-guidance", "--count", 4, "--json").out)
    assert [row["samples"] for row in found["rows"]] == [4, 4]
    assert all(row["kl"]["value"] > 0 for row in found["rows"])


def test_runs_of_images(molvm: Molvm, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = PixelNetwork(PixelConfig(size=8, classes=2, widths=(8, 16)))
    save_model(PixelFlowModel(network, ["zero", "one"], "tiny"), tmp_path / "pictures")
    for strength in (1, 5):
        given = ("train", "--model", "pictures", "--reward", "jpeg", *SMALL, "--strength", strength)
        assert molvm(*given, "--out", f"run{strength}").code == 0
    found = json.loads(molvm("compare", "run1", "run5", "--json", "--images", "same.png").out)
    assert found["direction"] == "minimise"
    assert read_png((tmp_path / "same.png").read_bytes()).pixels.shape == (3 * 66 - 2, 16 * 66 - 2, 1)
    assert molvm("compare", "run1", "run5", "--images", "same.png").code == 2
    assert all(0 < row["diversity"]["value"] < 1 and row["valid"] is None for row in found["rows"])


def test_the_images_of_runs_have_a_distance_from_their_base(
    molvm: Molvm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # where the table is narrow its headings wrap
    for strength in (1, 5):
        given = ("train", "--dataset", "digits", "--reward", "jpeg", *SMALL, "--strength", strength)
        assert molvm(*given, "--steps", 2, "--out", f"run{strength}").code == 0
    said = molvm("compare", "run1", "run5")
    assert said.code == 0, said.err
    shown = " ".join(said.out.split())
    assert "Fréchet distance from the base" in shown
    assert "of a bundled classifier of digits, not the FID" in shown
    assert "TOO FEW IMAGES" in shown
    found = json.loads(molvm("compare", "run1", "run5", "--json", "--no-digits", "--clip", "none", "-n", 5).out)
    for row in found["rows"]:
        distance = row["distance"]
        assert (distance["samples"], distance["reference_samples"]) == (5, 5)
        assert "principal components of pixels" in distance["features"]
        assert distance["value"] >= 0
    refused = molvm("compare", "run1", "run5", "--inception", tmp_path / "absent.pth")
    assert refused.code == 2
    assert molvm(*given, "--steps", 2, "--classes", "3", "--out", "threes").code == 0
    refused = molvm("compare", "run1", "threes")
    assert refused.code == 2
    assert "has the classes of all and threes ('3',)" in " ".join(refused.err.split())


def test_runs_of_different_rewards_are_only_drawn(molvm: Molvm, tmp_path: Path) -> None:
    for out, reward in (("small", "jpeg"), ("large", "jpeg(direction=maximise)"), ("light", "brightness")):
        given = ("train", "--dataset", "digits", "--reward", reward, *SMALL, "--steps", 2, "--out", out)
        assert molvm(*given).code == 0
    refused = molvm("compare", "small", "large")
    assert refused.code == 2
    assert "--images FILE.png draws them all the same" in " ".join(refused.err.split())
    for number in (("--figure", "a.svg"), ("-n", 4)):
        assert molvm("compare", "small", "large", "--images", "not.png", *number).code == 2
    said = molvm("compare", "small", "large", "light", "--images", "rows.png", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out) == {"images": "rows.png"}
    rows = read_png((tmp_path / "rows.png").read_bytes())
    pair = molvm("compare", "small", "light", "--images", "pair.png")
    assert "their numbers do not measure the same. So pair.png is all there is" in " ".join(pair.err.split())
    assert rows.pixels.shape[0] > read_png((tmp_path / "pair.png").read_bytes()).pixels.shape[0]


def test_a_run_of_vgg_flow_is_compared(molvm: Molvm, tmp_path: Path) -> None:
    for objective in ("vgg-flow", "draft"):
        given = ("train", "--dataset", "digits", "--reward", "brightness", *SMALL, "--objective", objective)
        assert molvm(*given, "--steps", 2, "--out", objective).code == 0
    for more in ((), ("-n", 4)):
        said = molvm("compare", "vgg-flow", "draft", *more)
        assert said.code == 0, said.err
        row = next(line for line in said.out.splitlines() if line.startswith("KL from the base"))
        assert row.split("nats")[1].split()[0] == "-"


def test_a_run_of_which_all_has_failed_says_so(molvm: Molvm, tiny_path: Path) -> None:
    given = ("train", "--model", tiny_path, "--reward", "qed", *SMALL)
    for out in ("one", "other"):
        assert molvm(*given, "--out", out).code == 0
    said = molvm("compare", "one", "other")
    assert said.code == 2
    assert "All 18 recorded samples of the run one have failed, most at 'valences'" in said.err
    assert "steered no sample" in said.err


def test_what_cannot_be_compared_is_refused(molvm: Molvm, tmp_path: Path, tiny_path: Path, spread_reward: str) -> None:
    save_tiny(tmp_path / "tiny", seed=1)
    short = [*SMALL, "--iterations", 1]
    made = {"one": (tiny_path, spread_reward), "paid": (tiny_path, "validity"), "other": ("tiny", spread_reward)}
    for out, (model, reward) in made.items():
        said = molvm("train", "--model", model, "--reward", reward, *short, "--out", out)
        assert said.code == 0, said.err
    for others, message in (
        (["paid"], "the reward"),
        (["other"], "of other weights"),
        ([], "allowed: two or more"),
        (["one"], "given 2 times"),
        (["nowhere"], "holds no run"),
    ):
        said = molvm("compare", "one", *others)
        assert said.code == 2
        assert message.lower() in said.err.lower()
