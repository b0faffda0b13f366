from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import molvm
from molvm import rewards
from molvm.chem.io import read_molecules
from molvm.errors import (
    CheckpointError,
    ConfigError,
    EvaluationError,
    ModelError,
    OutputExistsError,
    RewardError,
    UnknownNameError,
)
from molvm.models.hub import load_model
from molvm.runs.config import RunConfig
from molvm.runs.run import Run
from molvm.runs.samples import SampleSet
from molvm.runs.sampling import draw_samples
from molvm.sde import SamplingOptions
from molvm.training.checkpoint import load_checkpoint
from tests.runs.spread_reward import Spread, compact, hopeless, spread
from tests.runs.tiny import save_tiny, tiny_model

SMALL = {"reward": {"workers": 1}, "training": {"checkpoint_every": 2, "learning_rate": 0.01}}


@pytest.fixture(scope="module")
def run(tiny_path: Path, spread_reward: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return molvm.train(
        tiny_path,
        spread_reward,
        out=tmp_path_factory.mktemp("runs") / "first",
        strength=2,
        iterations=3,
        batch_size=6,
        steps=20,
        value_size="A",
        settings=SMALL,
    )


def test_a_run_records_where_it_comes_from(run: Run, tiny_path: Path) -> None:
    manifest = json.loads((run.path / "manifest.json").read_text())
    assert manifest["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert manifest["model_sha256"] == load_model(tiny_path).card["sha256"]
    assert manifest["floor"] == 0.0
    assert manifest["sessions"][0]["status"] == "finished"
    assert (manifest["reward"], manifest["unit"], manifest["direction"]) == ("spread", "spreads", "maximise")
    assert Run.open(run.path).config == run.config
    assert repr(run) == f"Run('{run.path}', value_matching, 3 rounds)"
    assert len(run.metrics()) == 3
    assert len(list(run.store.records())) == 18


def test_the_best_molecules_are_those_of_the_records(run: Run) -> None:
    best = run.top(3)
    values = [record.value for record in run.store.records() if record.value is not None and record.smiles]
    assert best[0].value == max(values)
    first = read_molecules(run.directory.best)[0]
    assert float(first.properties["spread"]) == best[0].value


def test_a_run_records_its_precision(run: Run) -> None:
    assert run.config.model.precision in ("float32", "bfloat16")
    assert 'precision = "auto"' not in run.directory.config.read_text()


def test_samples_are_reproducible_and_steered(run: Run, tiny_path: Path) -> None:
    once, again, other = run.sample(5, seed=1), Run.open(run.path).sample(5, seed=1), run.sample(5, seed=2)
    base = molvm.sample(tiny_path, 5, seed=1, steps=20)
    for first, second in zip(once, again, strict=True):
        np.testing.assert_array_equal(first.positions, second.positions)
    assert any(not np.array_equal(a.positions, b.positions) for a, b in zip(once, base, strict=True))
    assert [m.n_atoms for m in once] == [m.n_atoms for m in base]
    assert [m.n_atoms for m in once] != [m.n_atoms for m in other] or once.molecules[0] is not other.molecules[0]
    assert once.path_cost.min() > 0
    assert base.path_cost.max() == 0
    assert len({molecule.id for molecule in once}) == 5


@pytest.mark.parametrize("reads", ["state", "endpoint"])
def test_a_fresh_value_function_is_the_base_bit_for_bit(run: Run, tiny_path: Path, tmp_path: Path, reads: str) -> None:
    model = load_model(tiny_path)
    value = run.config.value.model_copy(update={"reads": reads})
    fresh = Run.create(run.config.model_copy(update={"value": value, "out": tmp_path / "fresh"}))
    from molvm.runs.assembly import build_objective

    control = build_objective(fresh.config, model).control
    sampling = SamplingOptions(steps=20)
    steered = draw_samples(model, 4, control=control, sampling=sampling)
    for ours, theirs in zip(steered, draw_samples(model, 4, sampling=sampling), strict=True):
        np.testing.assert_array_equal(ours.positions, theirs.positions)
    with pytest.raises(CheckpointError):
        fresh.sample(2)


def test_top_scores_by_the_reward_of_the_run(run: Run, tmp_path: Path) -> None:
    samples = run.sample(8)
    best = samples.top(3)
    values = [outcome.value for outcome in best.outcomes]
    everything = [outcome.value for outcome in spread(samples.molecules)]
    assert values == sorted((value for value in everything if value is not None), reverse=True)[:3]
    assert best.to_sdf(tmp_path / "best.sdf") == 3
    record = read_molecules(tmp_path / "best.sdf")[0]
    assert float(record.properties["spread"]) == pytest.approx(values[0], rel=1e-5)
    assert record.properties["valid"] in ("yes", "no")


def test_minimised_rewards_rank_the_other_way(run: Run) -> None:
    best = run.sample(8).score(compact).top(8)
    values = [outcome.value for outcome in best.outcomes]
    assert values == sorted(values)


def test_weights_are_those_of_girsanov(run: Run) -> None:
    samples = run.sample(4)
    with pytest.raises(EvaluationError, match="score"):
        samples.log_weights(0.0)
    scored = samples.score()
    values = np.array([0.0 if outcome.value is None else outcome.value for outcome in scored.outcomes])
    np.testing.assert_allclose(scored.log_weights(0.0), 2 * values - samples.path_cost - samples.ito)
    flipped = samples.score(compact).log_weights(1.0)
    assert (flipped < scored.log_weights(0.0)).all()


def test_the_dials_of_sampling(run: Run, tiny_path: Path) -> None:
    base = molvm.sample(tiny_path, 5, seed=1, steps=20)
    for ours, theirs in zip(run.sample(5, seed=1, guidance=0.0), base, strict=True):
        np.testing.assert_array_equal(ours.positions, theirs.positions)
    weak, strong = (run.sample(5, seed=1, guidance=guidance).path_cost for guidance in (0.5, 2.0))
    assert (weak < strong).all()
    size = run.model.sample_condition(1)
    assert size is not None
    assert {m.n_atoms for m in molvm.sample(run, 3, atoms=str(int(size)))} == {int(size)}
    assert len(molvm.sample(run, 3, tilt_size=True)) == 3


def test_particles_follow_the_reward_more_closely(run: Run) -> None:
    drawn = run.sample(6, seed=2, particles=8, batch_size=24)
    assert len({molecule.id for molecule in drawn}) == 6
    again = run.sample(6, seed=2, particles=8, batch_size=24)
    for first, second in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(first.positions, second.positions)

    def mean(samples: SampleSet) -> float:
        return float(np.mean([outcome.value or 0.0 for outcome in samples.score().outcomes]))

    assert mean(run.sample(24, seed=3, particles=8)) > mean(run.sample(24, seed=3, guidance=0.0))


def test_the_value_function_chooses_among_candidates(run: Run, tiny_path: Path, tmp_path: Path) -> None:
    chosen, again = run.sample(4, seed=1, candidates=3), run.sample(4, seed=1, candidates=3)
    steered = run.sample(4, seed=1)
    for one, other in zip(chosen, again, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)
    assert any(not np.array_equal(a.positions, b.positions) for a, b in zip(chosen, steered, strict=True))
    assert chosen.path_cost.min() > 0
    assert chosen.path_cost.max() <= 20 * np.log(3)
    with pytest.raises(ConfigError, match="no control"):
        molvm.sample(tiny_path, 2, candidates=3)
    with pytest.raises(ConfigError, match="candidates"):
        run.sample(2, candidates=0)


@pytest.mark.parametrize("every", [1, 3])
def test_a_run_can_be_trained_by_choices(run: Run, tmp_path: Path, every: int) -> None:
    sampling = run.config.sampling.model_copy(update={"candidates": 3, "choose_every": every})
    chosen = Run.create(run.config.model_copy(update={"sampling": sampling, "out": tmp_path / "chosen"}))
    assert chosen.train() == 0
    assert all(0 < row["kl"] <= -(-20 // every) * np.log(3) for row in chosen.metrics()[1:])
    np.testing.assert_array_equal(
        chosen.sample(3).molecules[0].positions, chosen.sample(3, candidates=3).molecules[0].positions
    )
    base, without = run.sample(3, guidance=0.0), chosen.sample(3, guidance=0.0)
    for one, other in zip(base, without, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)
    drift = run.config.model_dump() | {"objective": {"name": "ddpo"}, "out": str(tmp_path / "drift")}
    drift["sampling"]["candidates"] = 3
    with pytest.raises(ConfigError, match="no value function that could choose"):
        Run.create(type(run.config).from_mapping(drift))
    memory = {"name": "value_matching", "retarget": True, "replay": 2, "ito": True}
    several = run.config.model_dump() | {"objective": memory, "out": str(tmp_path / "several")}
    several["sampling"] |= {"candidates": 3, "choose_every": 2}
    with pytest.raises(ConfigError, match="retarget needs the noise of every step"):
        Run.create(type(run.config).from_mapping(several))


def test_particles_that_cannot_be_weighed_are_refused(run: Run, tiny_path: Path) -> None:
    with pytest.raises(ConfigError, match="particles is 1"):
        run.sample(2, particles=1)
    with pytest.raises(ConfigError, match="never part"):
        run.sample(2, particles=4, noise_level=0.0)
    with pytest.raises(ConfigError, match="no control"):
        molvm.sample(tiny_path, 2, particles=4)


def test_the_ode_has_no_weights(run: Run) -> None:
    still = run.sample(3, noise_level=0.0).score()
    assert np.isinf(still.path_cost).all()
    with pytest.raises(EvaluationError, match="without noise"):
        still.log_weights(0.0)


def test_dials_that_a_source_does_not_have_are_refused(run: Run, tiny_path: Path) -> None:
    with pytest.raises(ConfigError, match="transition"):
        molvm.sample(run, 2, transition="analytic_variance")
    with pytest.raises(ConfigError, match="no control"):
        molvm.sample(tiny_path, 2, guidance=2.0)
    with pytest.raises(ConfigError, match="no control"):
        molvm.sample(tiny_path, 2, tilt_size=True)


def test_a_base_model_has_no_reward(tiny_path: Path) -> None:
    with pytest.raises(ConfigError, match="no reward"):
        molvm.sample(tiny_path, 2, steps=2).top(1)
    assert len(molvm.sample(tiny_model(), 2, steps=2).score(spread).outcomes) == 2


def test_a_floor_that_nobody_declares_is_the_worst_base_sample(
    tiny_path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = molvm.train(
        tiny_path, compact, out=tmp_path / "run", strength=1, iterations=1, batch_size=6, steps=20, value_size="A",
        settings=SMALL,
    )  # fmt: skip
    records = list(run.store.records())
    assert "the worst of 6 samples" in caplog.text
    assert run.manifest.floor is not None
    assert 0 < run.manifest.floor < 1
    assert {record.worth for record in records if record.failure} <= {-np.float32(run.manifest.floor)}
    worths = [(record.worth, max(-record.value, -run.manifest.floor)) for record in records if record.value is not None]
    assert all(worth == pytest.approx(expected) for worth, expected in worths)
    with pytest.raises(RewardError, match=r"'compact' as an object.*molvm.resume\('.*run', reward="):
        molvm.resume(run.path)
    assert molvm.resume(run.path, reward=compact, iterations=2).metrics()[-1]["iteration"] == 1
    # A declared floor is not calibrated.
    declared = {**SMALL, "reward": {"workers": 1, "floor": 7.0}}
    other = Run.create(
        RunConfig.from_mapping({**declared, "out": tmp_path / "other"}), model=tiny_model(), reward=compact
    )
    assert other.config.reward.floor == 7.0


def test_a_reward_that_always_fails_needs_a_floor(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.runs.spread_reward.CROWDED", 1e9)
    settings = {**SMALL, "reward": {"workers": 1}}
    run = Run.create(
        RunConfig.from_mapping({**settings, "sampling": {"steps": 2}, "value": {"size": "A"}, "out": tmp_path / "run"}),
        model=load_model(tiny_path),
        reward=_InProcess(),
    )
    with pytest.raises(RewardError, match="floor"):
        run.train()
    assert not run.path.exists()  # nothing has begun, and the directory is free for another try


class _InProcess:
    """A reward that is evaluated where it is, without workers."""

    name, unit, direction, floor = "hopeless", "", "maximise", None

    def __call__(self, molecules: object) -> object:
        return hopeless(molecules)  # type: ignore[arg-type]


def test_bounds_are_priced_and_the_best_keep_them(tiny_path: Path, spread_reward: str, tmp_path: Path) -> None:
    bound = 0.46
    run = molvm.train(
        tiny_path,
        f"diverse(constrained('{spread_reward}', at_most('{spread_reward}', {bound})), per_scaffold=2)",
        out=tmp_path / "run", strength=2, iterations=3, batch_size=6, steps=20, value_size="A", settings=SMALL,
    )  # fmt: skip
    key = f"spread.spread at most {bound:g}"
    records = list(run.store.records())
    for record in records:
        if record.value is not None:
            assert record.details[key] == pytest.approx(record.value - bound)
            assert record.within_bounds is (record.value <= bound)
    assert {record.within_bounds for record in records} >= {True, False}
    assert all(record.value <= bound for record in run.top(20) if record.value is not None)
    last = run.metrics()[-1]
    assert {f"excess.{key}", f"multiplier.{key}", "unpaid", "scaffolds"} <= last.keys()
    # What a molecule is worth to people does not depend on what its excess cost at the time.
    assert all(record.worth == pytest.approx(record.value) for record in records if record.value is not None)


def test_a_run_that_only_fails_ends_and_can_go_on(
    tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tests.runs.spread_reward.CROWDED", 1e9)
        with pytest.raises(
            RewardError, match=r"98% of the samples failed.*last 2 rounds, .* at crowded; .* is too small"
        ):
            molvm.train(
                tiny_path, _InProcess(), out=tmp_path / "run", strength=1, iterations=9, batch_size=6, steps=2,
                value_size="A", settings={"reward": {"floor": -1.0, "patience": 2}},
            )  # fmt: skip
    run = Run.open(tmp_path / "run", reward=_InProcess())
    assert run.manifest.sessions[-1].status == "failed"
    assert len(run.metrics()) == load_checkpoint(run.directory.checkpoints).step == 2
    assert len(molvm.resume(tmp_path / "run", reward=_InProcess(), iterations=3).metrics()) == 3


def test_a_run_whose_checkpoints_are_gone_keeps_its_records(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(CheckpointError, match=r"3 iterations in a checkpoint that is gone"):
        molvm.resume(copy, iterations=5)
    assert len(Run.open(copy).metrics()) == 3
    assert len(list(Run.open(copy).store.records())) == 18


def test_a_reward_that_no_worker_takes_leaves_nothing_behind(tiny_path: Path, tmp_path: Path) -> None:
    local = molvm.reward(name="local")(lambda mol: 1.0)
    with pytest.raises(RewardError, match="cannot be sent to a worker"):
        molvm.train(tiny_path, local, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_script_without_a_guard_can_be_mended_and_run_again(tiny_path: Path, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    lines = [
        "import molvm",
        "@molvm.reward(floor=0.0)",
        "def one(mol):",
        "    return 1.0",
        "if __name__ == '__main__':",
        f"    molvm.train({str(tiny_path)!r}, one, out={str(tmp_path / 'run')!r}, strength=1, iterations=1,",
        "        batch_size=4, steps=4, value_size='A', settings={'reward': {'workers': 1}})",
    ]
    script.write_text("\n".join(lines).replace("__name__ == '__main__'", "True"))
    failed = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert "__main__" in failed.stderr
    assert not (tmp_path / "run").exists()
    script.write_text("\n".join(lines))
    subprocess.run([sys.executable, script], capture_output=True, timeout=120, check=True)
    assert len(Run.open(tmp_path / "run").metrics()) == 1


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="7 is no base model"):
        molvm.train(7, "qed", out=tmp_path / "run")  # type: ignore[arg-type]


def test_a_run_that_is_being_written_is_not_extended(run: Run) -> None:
    other, before = Run.open(run.path), run.directory.config.read_text()
    with run.directory.exclusive(), pytest.raises(OutputExistsError, match="Another process"):
        other.extend(99)
    assert run.directory.config.read_text() == before
    assert other.config == run.config


def test_a_run_is_not_cut_short_of_what_it_has(run: Run) -> None:
    with pytest.raises(ConfigError, match="3 iterations already"):
        Run.open(run.path).extend(2)
    assert Run.open(run.path).config.training.iterations == 3


@pytest.mark.parametrize("thing", [rewards.dipole, len, 3])
def test_what_is_no_reward_is_refused(tiny_path: Path, tmp_path: Path, thing: object) -> None:
    with pytest.raises(RewardError, match="no reward"):
        molvm.train(tiny_path, thing, out=tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_more_updates_than_steps_are_refused(tiny_path: Path, spread_reward: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="updates"):
        molvm.train(tiny_path, spread_reward, out=tmp_path / "run", steps=4, settings={"training": {"updates": 5}})
    assert not (tmp_path / "run").exists()


def test_a_window_without_a_step_is_refused(tiny_path: Path, spread_reward: str, tmp_path: Path) -> None:
    window = {"sampling": {"steer_from": 0.9, "steer_until": 0.91}}
    with pytest.raises(ConfigError, match=r"None of 3 steps"):
        molvm.train(tiny_path, spread_reward, out=tmp_path / "run", steps=3, settings=window)
    assert not (tmp_path / "run").exists()


def test_a_name_does_not_stand_for_an_object_of_that_name(tiny_path: Path, tmp_path: Path) -> None:
    """An own reward that is called like one of molvm's is not silently replaced by it."""
    own = Spread(name="qed")
    run = Run.create(RunConfig.from_mapping({**SMALL, "out": tmp_path / "run"}), model=tiny_model(), reward=own)
    assert Run.open(run.path, reward=own).reward is own
    with pytest.raises(RewardError, match="'qed' as an object"):
        _ = Run.open(run.path).reward


def test_training_says_what_is_seldom_meant(
    tiny_path: Path, spread_reward: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {**SMALL, "training": {"warmup": 1}, "sampling": {"steps": 20}}
    how = {"iterations": 1, "batch_size": 6, "value_size": "A"}
    run = molvm.train(tiny_path, spread_reward, out=tmp_path / "run", strength=1e6, settings=settings, **how)  # type: ignore[arg-type]
    assert "λ = 1e+06 is strong" in caplog.text
    assert "training.warmup is 1 and training.iterations 1" in caplog.text
    caplog.clear()
    assert len(run.sample(2, steps=10)) == 2
    assert not caplog.records
    run.sample(2, steps=9)
    assert "9 steps are few" in caplog.text
    caplog.clear()
    settings["sampling"] = {"steps": 20, "kl_limit": 3.0}
    bound = molvm.train(tiny_path, spread_reward, out=tmp_path / "bound", strength=1e6, settings=settings, **how)  # type: ignore[arg-type]
    assert "strong" not in caplog.text
    assert 0 < bound.sample(4).path_cost.max() <= 3.0 + 1e-5


def test_a_run_refuses_another_base_model(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    other = load_model(save_tiny(tmp_path / "other", seed=5))
    with pytest.raises(ModelError, match="changed"):
        Run.open(copy, model=other).sample(2)


def test_a_run_is_sampled_without_its_reward_and_scored_only_with_it(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    text = (copy / "resolved.toml").read_text()
    (copy / "resolved.toml").write_text(text.replace(run.config.reward.name, "/nowhere/moved.py:spread"))
    drawn = Run.open(copy).sample(2)
    assert len(drawn) == 2
    with pytest.raises(RewardError, match=r"moved\.py"):
        drawn.score()
    assert drawn.score(spread).reward is spread
    assert Run.open(copy, reward=spread).sample(2).score().reward is spread


@pytest.mark.parametrize("checked", [False, True])
def test_settings_say_what_no_argument_says(
    tiny_path: Path, spread_reward: str, tmp_path: Path, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "train", lambda run, progress: 0)
    settings = {"model": {"name": str(tiny_path)}, "reward": {"name": spread_reward}, "training": {"iterations": 7}}
    run = molvm.train(out=tmp_path / "run", settings=RunConfig.from_mapping(settings) if checked else settings)
    assert (run.config.model.name, run.config.reward.name) == (str(tiny_path), spread_reward)
    assert run.manifest.reward == "spread"
    named = molvm.train(reward="qed", out=tmp_path / "named", settings=settings)
    assert (named.config.model.name, named.config.reward.name) == (str(tiny_path), "qed")


def test_nothing_is_written_when_something_is_wrong(tmp_path: Path, tiny_path: Path) -> None:
    for model, reward in (("nope", "qed"), (str(tiny_path), "qde")):
        with pytest.raises(UnknownNameError):
            molvm.train(model, reward, out=tmp_path / "run")
    with pytest.raises(ConfigError, match="strength"):
        molvm.train(tiny_path, "qed", out=tmp_path / "run", strength=float("nan"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="directory"):
        Run.create(RunConfig())


@pytest.mark.parametrize("what", [{"count": 0}, {"count": 2.5}, {"count": 2, "batch_size": 0}])
def test_impossible_numbers_of_samples_are_refused(what: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="whole number from 1"):
        draw_samples(tiny_model(), **what)


def test_batches_keep_the_order_of_the_draw() -> None:
    model = tiny_model()
    progress: list[tuple[int, int]] = []
    samples = draw_samples(
        model,
        7,
        sampling=SamplingOptions(steps=2),
        batch_size=3,
        progress=lambda done, total: progress.append((done, total)),
    )
    expected = model.sample_condition(7, torch.Generator().manual_seed(0))
    assert [molecule.n_atoms for molecule in samples] == expected.tolist()
    assert [molecule.id for molecule in samples] == [f"tiny-{number}" for number in range(1, 8)]
    assert progress[-1] == (14, 14)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


def continued(run: Run, out: Path, **changed: object) -> Run:
    value = {**run.config.value.model_dump(), "start": str(run.path), **changed}
    config = RunConfig.from_mapping({**run.config.model_dump(), "value": value, "out": out})
    return Run.create(config)


def test_a_run_starts_from_the_value_function_of_another(run: Run, tmp_path: Path) -> None:
    stronger = run.config.training.model_copy(update={"strength": 5.0, "learning_rate": 1e-12})
    config = run.config.model_copy(update={"training": stronger})
    later = continued(Run(run.directory, config), tmp_path / "later")
    assert later.train() == 0
    before, after = (each.objective().control for each in (run, later))
    for name, weight in before.features.named_parameters():
        torch.testing.assert_close(dict(after.features.named_parameters())[name], weight, rtol=0, atol=1e-6)
    assert after.strength == 5.0
    assert after.scale == before.scale


def test_a_run_does_not_start_from_one_that_has_not_begun(run: Run, tmp_path: Path) -> None:
    idle = Run.create(run.config.model_copy(update={"out": tmp_path / "idle"}))
    with pytest.raises(CheckpointError, match=r"idle.* has no checkpoint.*--resume"):
        continued(idle, tmp_path / "later")
    assert not (tmp_path / "later").exists()


def test_a_reward_of_that_name_in_another_file_is_mentioned(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "elsewhere.py").write_text("from tests.runs.spread_reward import spread\n")
    moved = run.config.reward.model_copy(update={"name": f"{tmp_path / 'elsewhere.py'}:spread"})
    continued(Run(run.directory, run.config.model_copy(update={"reward": moved})), tmp_path / "later")
    assert "elsewhere.py:spread" in caplog.text


def test_a_run_does_not_start_from_one_of_another_kind(run: Run, spread_reward: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has value\.size = 'A', this one 'B'"):
        continued(run, tmp_path / "larger", size="B")
    reward = run.config.reward.model_copy(update={"name": spread_reward.replace(":spread", ":compact")})
    with pytest.raises(ConfigError, match="has the reward 'spread', this one 'compact'"):
        continued(Run(run.directory, run.config.model_copy(update={"reward": reward})), tmp_path / "compact")
    assert not any((tmp_path / name).exists() for name in ("larger", "compact"))


def test_what_a_run_started_from_may_go(run: Run, tmp_path: Path) -> None:
    """Killed before its first rounds were saved, it goes on bit for bit without the run that it started from."""
    shutil.copytree(run.path, tmp_path / "first")
    first = Run.open(tmp_path / "first")
    short = first.config.training.model_copy(update={"iterations": 2})
    later = continued(Run(first.directory, first.config.model_copy(update={"training": short})), tmp_path / "later")
    assert later.train() == 0
    expected = later.objective().state_dict()
    shutil.rmtree(tmp_path / "first")
    shutil.rmtree(later.directory.checkpoints / "step-00000002")
    assert later.train() == 0
    for name, tensor in later.objective().state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_a_base_that_has_moved_is_told_with_where_to_say_so(tmp_path: Path, spread_reward: str) -> None:
    save_tiny(tmp_path / "base")
    settings = {"reward": {"workers": 1}}
    run = molvm.train(
        tmp_path / "base", spread_reward, out=tmp_path / "run", iterations=1, batch_size=4, steps=6, settings=settings
    )
    (tmp_path / "base").rename(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=r"lay in .*base, and is there no longer.*model.name in .*resolved.toml"):
        _ = molvm.Run.open(run.path).model
    text = run.directory.config.read_text()
    run.directory.config.write_text(text.replace(str(tmp_path / "base"), str(tmp_path / "elsewhere")))
    assert len(molvm.Run.open(run.path).sample(2)) == 2
