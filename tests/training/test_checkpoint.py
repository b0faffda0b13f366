"""Checkpoints come back exactly, or not at all."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from molvm.errors import CheckpointError
from molvm.training import checkpoint as module
from molvm.training.checkpoint import (
    MANIFEST_FILE,
    TENSORS_FILE,
    Checkpoint,
    has_checkpoint,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)


def some_tensors(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "single": torch.randn(3, 4, generator=generator),
        "double": torch.randn(5, generator=generator, dtype=torch.float64),
        "integer": torch.randint(-(2**62), 2**62, (2, 2), generator=generator),
        "scalar": torch.tensor(float(seed)),
        "generator": generator.get_state(),
    }


def assert_all_whole(root: Path) -> None:
    """Whatever has a final name can be read."""
    for path in root.glob("step-*"):
        read_checkpoint(path)


METADATA = {"text": "λ", "number": 0.1, "big": 2**127 + 1, "nothing": None, "nested": {"list": [1, 2, 3]}}


def save(root: Path, step: int, **options: int) -> Path:
    return save_checkpoint(root, step, some_tensors(step), {**METADATA, "at": step}, **options)


def assert_is_step(checkpoint: Checkpoint, step: int) -> None:
    assert checkpoint.step == checkpoint.metadata["at"] == step
    assert {**checkpoint.metadata} == {**METADATA, "at": step}
    expected = some_tensors(step)
    assert checkpoint.tensors.keys() == expected.keys()
    for name, tensor in expected.items():
        assert checkpoint.tensors[name].dtype == tensor.dtype
        assert torch.equal(checkpoint.tensors[name], tensor), name


def test_round_trip_is_exact(tmp_path: Path) -> None:
    path = save(tmp_path, 7)
    assert_is_step(read_checkpoint(path), 7)
    assert_is_step(load_checkpoint(tmp_path), 7)


def test_tensors_may_share_memory_and_need_not_be_contiguous(tmp_path: Path) -> None:
    weight = torch.arange(12.0).reshape(3, 4).requires_grad_()
    save_checkpoint(tmp_path, 1, {"weight": weight, "average": weight, "turned": weight.T, "row": weight[1]}, {})
    tensors = load_checkpoint(tmp_path).tensors
    for name, expected in {"weight": weight, "average": weight, "turned": weight.T, "row": weight[1]}.items():
        assert torch.equal(tensors[name], expected)
    tensors["weight"].zero_()
    assert float(tensors["average"].sum()) == 66.0


def test_what_was_loaded_can_be_changed_without_touching_the_disk(tmp_path: Path) -> None:
    save(tmp_path, 3)
    for tensor in load_checkpoint(tmp_path).tensors.values():
        tensor.zero_()
    assert_is_step(load_checkpoint(tmp_path), 3)


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    for step in (1, 5, 9, 10, 100):
        save(tmp_path, step, keep=keep)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-{step:08d}" for step in sorted((100, 10, 9)[:keep])
    ]
    assert_is_step(load_checkpoint(tmp_path), 100)


def test_a_checkpoint_just_written_is_never_removed(tmp_path: Path) -> None:
    """Even if damaged ones with higher numbers lie beside it."""
    (save(tmp_path, 20) / TENSORS_FILE).unlink()
    path = save(tmp_path, 15, keep=1)
    assert_is_step(read_checkpoint(path), 15)
    assert_is_step(load_checkpoint(tmp_path), 15)


def test_a_step_can_be_saved_again(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 4, {"x": torch.zeros(2)}, {})
    save(tmp_path, 4)
    assert_is_step(load_checkpoint(tmp_path), 4)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000004"]


def damage(path: Path, kind: str) -> None:
    tensors, manifest = path / TENSORS_FILE, path / MANIFEST_FILE
    values = json.loads(manifest.read_text())
    if kind == "flipped":
        data = bytearray(tensors.read_bytes())
        data[-3] ^= 1
        tensors.write_bytes(bytes(data))
    elif kind == "truncated":
        tensors.write_bytes(tensors.read_bytes()[:-1])
    elif kind == "empty":
        tensors.write_bytes(b"")
    elif kind == "no tensors":
        tensors.unlink()
    elif kind == "no manifest":
        manifest.unlink()
    elif kind == "garbled manifest":
        manifest.write_bytes(b'{"step": \xff')
    elif kind == "list manifest":
        manifest.write_text("[1, 2]")
    elif kind == "other step":
        manifest.write_text(json.dumps({**values, "step": 99}))
    elif kind == "other metadata":
        manifest.write_text(json.dumps({**values, "metadata": {"at": 3}}))
    elif kind == "newer format":
        manifest.write_text(json.dumps({**values, "format_version": module.FORMAT_VERSION + 1}))
    elif kind == "file":
        shutil.rmtree(path)
        path.write_text("not a directory")
    else:
        raise AssertionError(kind)


DAMAGES = [
    "flipped",
    "truncated",
    "empty",
    "no tensors",
    "no manifest",
    "garbled manifest",
    "list manifest",
    "other step",
    "other metadata",
    "newer format",
    "file",
]


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_checkpoint_is_skipped_with_a_warning(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 1)
    newest = save(tmp_path, 2)
    damage(newest, kind)
    with pytest.raises(CheckpointError):
        read_checkpoint(newest)
    with caplog.at_level(logging.WARNING):
        assert_is_step(load_checkpoint(tmp_path), 1)
    assert newest.name in caplog.text


def test_a_flipped_bit_anywhere_is_found_or_harmless(tmp_path: Path) -> None:
    """Harmless are changes of the layout of the manifest alone."""
    pristine = save(tmp_path / "pristine", 5)
    choose = random.Random(0)  # noqa: S311 - no secret
    found = 0
    for name in (TENSORS_FILE, MANIFEST_FILE):
        data = (pristine / name).read_bytes()
        for position in choose.sample(range(len(data)), 60):
            copy = tmp_path / "copy"
            shutil.copytree(pristine, copy)
            changed = bytearray(data)
            changed[position] ^= 1 << choose.randrange(8)
            (copy / name).write_bytes(bytes(changed))
            try:
                assert_is_step(read_checkpoint(copy), 5)
            except CheckpointError:
                found += 1
            shutil.rmtree(copy)
    assert found > 100


def test_nothing_whole_is_an_error(tmp_path: Path) -> None:
    for step, kind in ((1, "flipped"), (2, "no manifest")):
        damage(save(tmp_path, step), kind)
    with pytest.raises(CheckpointError, match="damaged: step-00000002, step-00000001"):
        load_checkpoint(tmp_path)
    assert has_checkpoint(tmp_path)
    for empty in (tmp_path / "empty", tmp_path / "missing"):
        if empty.name == "empty":
            empty.mkdir()
        assert not has_checkpoint(empty)
        with pytest.raises(CheckpointError, match="no whole checkpoint"):
            load_checkpoint(empty)


def test_the_first_format_can_still_be_read(tmp_path: Path) -> None:
    """It had no checksum of the manifest."""
    manifest = save(tmp_path, 6) / MANIFEST_FILE
    values = json.loads(manifest.read_text())
    del values["manifest_sha256"]
    manifest.write_text(json.dumps({**values, "format_version": 1}))
    assert_is_step(load_checkpoint(tmp_path), 6)
    manifest.write_text(json.dumps({**values, "format_version": 2}))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)


def test_what_an_interrupted_writer_left_is_ignored_then_removed(tmp_path: Path) -> None:
    save(tmp_path, 1)
    leftover = tmp_path / ".tmp-step-00000002-12345"
    shutil.copytree(tmp_path / "step-00000001", leftover)
    assert_is_step(load_checkpoint(tmp_path), 1)
    save(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001", "step-00000002"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(CheckpointError, match="could not be written"):
            save(root, 1)


@pytest.mark.parametrize("function", ["fsync", "save_file"])
def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    save(tmp_path, 1)

    def full(*arguments: object, **options: object) -> None:
        if function == "fsync":
            raise OSError(28, "No space left on device")
        raise module.SafetensorError("I/O error: No space left on device (os error 28)")

    owner = module.os if function == "fsync" else module
    with monkeypatch.context() as patch:
        patch.setattr(owner, function, full)
        with pytest.raises(CheckpointError, match="No space left"):
            save(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert_is_step(load_checkpoint(tmp_path), 1)


class Crash(BaseException):
    """The process ends here: no handler of an ordinary error runs."""


@pytest.mark.parametrize("again", [False, True], ids=["next step", "same step"])
def test_a_crash_before_any_call_to_the_system_tears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    calls = 0
    crash_at = 0

    def counted(function):
        def wrapper(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == crash_at:
                raise Crash
            return function(*arguments, **options)

        return wrapper

    for owner, name in (
        (module, "save_file"),
        (module.os, "fsync"),
        (module.os, "unlink"),
        (module.os, "rmdir"),
        (Path, "mkdir"),
        (Path, "write_text"),
        (Path, "rename"),
    ):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    new = 2 if again else 3
    published = 0
    while True:
        root = tmp_path / str(crash_at)
        calls, crashing = 0, crash_at
        crash_at = 0
        save(root, 1)
        save(root, 2)
        calls, crash_at = 0, crashing + 1
        try:
            save(root, new)
        except Crash:
            crash_at = 0
            step = load_checkpoint(root).step
            # Saving a step again takes two renames; between them the checkpoint before it is the newest.
            assert step in ((1, 2) if again else (2, 3))
            assert_is_step(load_checkpoint(root), step)
            assert_all_whole(root)
            published += step == new
            save(root, 4)
            assert_is_step(load_checkpoint(root), 4)
            crash_at = crashing + 1
            continue
        break
    assert crash_at > 8
    assert published > 0


WRITER = """
import os, sys
from pathlib import Path
import torch
from molvm.training.checkpoint import save_checkpoint
root = Path(sys.argv[1])
for line in sys.stdin:
    step = int(line)
    child = os.fork()
    if child == 0:
        while True:
            step += 1
            tensors = {str(i): torch.full((20_000,), float(step)) for i in range(8)}
            save_checkpoint(root, step, tensors, {"at": step})
            if step % 4 == 0:
                save_checkpoint(root, step, tensors, {"at": step})
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def test_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    choose = random.Random(1)  # noqa: S311 - no secret
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore::DeprecationWarning"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        last = 0
        for _ in range(12):
            process.stdin.write(f"{last}\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            time.sleep(0.05 + 0.1 * choose.random())
            os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == "dead\n"
            assert_all_whole(tmp_path / "run")
            if not has_checkpoint(tmp_path / "run"):
                continue
            checkpoint = load_checkpoint(tmp_path / "run")
            assert checkpoint.step >= last - 1
            assert checkpoint.metadata["at"] == checkpoint.step
            for tensor in checkpoint.tensors.values():
                assert torch.equal(tensor, torch.full((20_000,), float(checkpoint.step)))
            last = checkpoint.step
        process.stdin.close()
    assert last > 5
