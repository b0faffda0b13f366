"""Whatever a public function is given: an error that says what is wrong, and nothing done first."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from rdkit import Chem

import molvm
from molvm import rewards
from molvm.arguments import ArgumentError, in_words, is_of, typed
from molvm.errors import ConfigError, MolVMError
from molvm.runs.directory import RunDirectory
from molvm.runs.samples import SampleSet
from molvm.runs.steering import steering_by
from molvm.sde import SvddOptions

if TYPE_CHECKING:
    from decimal import Decimal

EMPTY = SampleSet((), np.zeros(0), np.zeros(0))

GIVEN: dict[Callable[..., Any], dict[str, Any]] = {
    molvm.evaluate: {"molecules": ()},
    molvm.load_model: {"name_or_path": "qm9"},
    molvm.report: {"run": "none"},
    molvm.resume: {"path": "none"},
    molvm.sample: {"source": "qm9", "count": 1},
    molvm.score: {"source": (), "reward": "qed"},
    molvm.train: {"out": "run"},
    steering_by: {"model": "qm9", "method": SvddOptions(), "reward": "qed"},
    molvm.Run: {"directory": RunDirectory(Path("none")), "config": molvm.RunConfig()},
    molvm.Run.open: {"path": "none"},
    molvm.Run.create: {"config": molvm.RunConfig()},
    molvm.Molecule.from_rdkit: {"mol": Chem.Mol()},
    molvm.Molecule.from_smiles: {"smiles": "C"},
    molvm.RunConfig.from_mapping: {"values": {}},
    EMPTY.score: {},
    EMPTY.top: {"count": 1},
    EMPTY.select: {"indices": ()},
    EMPTY.log_weights: {"floor": 0.0},
    EMPTY.save: {"path": "out.sdf"},
    EMPTY.to_sdf: {"path": "out.sdf"},
    rewards.colour: {"red": 0, "green": 0, "blue": 0},
    rewards.command: {"program": "true"},
    rewards.compressed: {"format": "png"},
    rewards.describe: {"reward": rewards.qed()},
    rewards.isolated: {"reward": rewards.qed()},
    rewards.open_pool: {},
    rewards.openbabel: {"descriptor": "logP"},
    rewards.parse_reward: {"text": "qed"},
    rewards.register: {"name": "mine", "factory": rewards.qed},
    rewards.similarity: {"reference": "CC"},
}
"""Every function whose arguments are checked by their annotations, with what it needs at least."""

OF_NO_USE = (object(), b"bytes", 1j)

CASES = [
    pytest.param(function, parameter, id=f"{function.__qualname__}-{parameter}")
    for function in GIVEN
    for parameter in inspect.signature(function).parameters
]


@pytest.fixture
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty working directory that stays so; no model is loaded, no worker started."""

    def forbidden(*arguments: object, **settings: object) -> None:
        raise AssertionError("something is done before the arguments are checked")

    for name in (
        "runs.source.load_model",
        "runs.steering.load_model",
        "runs.run.load_model",
        "evaluation.metrics.examine_all",
        "rewards.pool.WorkerPool.score",
    ):
        monkeypatch.setattr(f"molvm.{name}", forbidden)
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("function", "parameter"), CASES)
def test_an_argument_of_no_use_is_refused(function: Callable[..., Any], parameter: str) -> None:
    for value in OF_NO_USE:
        with pytest.raises(MolVMError) as caught:
            function(**{**GIVEN[function], parameter: value})
        assert repr(value)[:60] in caught.value.what
        assert caught.value.allowed or caught.value.remedy


def test_no_public_function_is_left_out() -> None:
    functions = {each for each in map(molvm.__getattr__, molvm.__all__) if inspect.isfunction(each)}
    assert functions - set(GIVEN) == {molvm.reward}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (molvm.train, {"seed": "x"}),
        (molvm.train, {"seed": -1}),
        (molvm.train, {"strength": "a"}),
        (molvm.train, {"strength": float("nan")}),
        (molvm.train, {"strength": -1.0}),
        (molvm.train, {"iterations": 0}),
        (molvm.train, {"iterations": True}),
        (molvm.train, {"batch_size": 2.5}),
        (molvm.train, {"steps": "many"}),
        (molvm.train, {"workers": "many"}),
        (molvm.train, {"workers": 0}),
        (molvm.train, {"log": "tensorboard"}),
        (molvm.train, {"log": [3]}),
        (molvm.train, {"log": ["paper"]}),
        (molvm.train, {"out": 5}),
        (molvm.train, {"out": None}),
        (molvm.train, {"model": 5}),
        (molvm.train, {"reward": 5}),
        (molvm.train, {"reward": len}),
        (molvm.train, {"objective": "fine-tuning"}),
        (molvm.train, {"settings": {"training": 5}}),
        (molvm.train, {"settings": {5: 5}}),
        (molvm.train, {"settings": "run.toml"}),
        (molvm.train, {"recipe": "none"}),
        (molvm.train, {"recipe": 5}),
        (molvm.train, {"dataset": "qm9"}),
        (molvm.sample, {"count": "3"}),
        (molvm.sample, {"count": 2.0}),
        (molvm.sample, {"source": None}),
        (molvm.sample, {"seed": "x"}),
        (molvm.sample, {"n": 3}),
        (molvm.resume, {"path": None}),
        (molvm.score, {"source": None}),
        (molvm.score, {"source": [5]}),
        (molvm.score, {"source": "none.sdf"}),
        (molvm.score, {"reward": None}),
        (molvm.score, {"reward": [None]}),
        (molvm.score, {"reward": []}),
        (molvm.score, {"reward": "qde"}),
        (molvm.score, {"workers": "many"}),
        (molvm.score, {"time_limit": "soon"}),
        (molvm.evaluate, {"molecules": "molecules.sdf"}),
        (molvm.evaluate, {"molecules": None}),
        (molvm.evaluate, {"table": "qm8"}),
        (molvm.evaluate, {"workers": "many"}),
        (molvm.evaluate, {"time_limit": -1}),
        (molvm.load_model, {"name_or_path": None}),
        (molvm.load_model, {"name_or_path": "qm8"}),
        (molvm.load_model, {"precision": "half"}),
        (molvm.report, {"run": None}),
        (molvm.report, {"count": 0}),
        (molvm.report, {"count": "all"}),
        (molvm.Run, {"directory": "runs/dipole"}),
        (molvm.Run.open, {"path": "none"}),
        (molvm.Run.open, {"path": None}),
    ],
)
def test_a_wrong_value_is_refused(function: Callable[..., Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(MolVMError) as caught:
        function(**{**GIVEN[function], **wrong})
    assert caught.value.allowed or caught.value.remedy


@pytest.mark.parametrize(
    "wrong",
    [{"unit": 5}, {"name": 5}, {"direction": "up"}, {"floor": "low"}, {"judges": "songs"}, {"colour": "red"}],
    ids=str,
)
def test_a_function_is_not_made_a_reward_with_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(MolVMError):
        molvm.reward(**wrong)(len)


@pytest.mark.parametrize(
    "use",
    [
        lambda: EMPTY.top(0),
        lambda: EMPTY.select([0]),
        lambda: EMPTY["first"],  # type: ignore[index]
        lambda: molvm.Outcome("one", "high"),  # type: ignore[arg-type]
        lambda: molvm.Run(RunDirectory(Path("none")), molvm.RunConfig()).top(0),
    ],
)
def test_what_results_cannot_do_is_told(use: Callable[[], object]) -> None:
    with pytest.raises(MolVMError):
        use()


@pytest.mark.parametrize("value", [5, "qed", b"x", (), object()], ids=lambda value: type(value).__name__)
def test_only_a_function_becomes_a_reward(value: Any) -> None:
    for decorate in (molvm.reward, molvm.reward(unit="Å")):
        with pytest.raises(MolVMError, match="function"):
            decorate(value)


def test_a_run_cannot_be_made_of_a_path() -> None:
    with pytest.raises(ArgumentError, match=r"Run cannot be called so.*'config'.*Run\.open\(path\)"):
        molvm.Run("runs/dipole")  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (int, [3, np.int64(3)], [True, 3.0, "3", None]),
        (float, [3, 2.5, np.float32(1)], [False, "3", 1j]),
        (bool, [True], [1, "yes"]),
        (int | None, [None, 1], ["", 0.5]),
        (Literal["a", "b"], ["a", "c"], [1, None]),
        (Sequence[str], [[], ["a"], ("a",)], ["a", b"a", [1], None]),
        (Iterable[int], [iter([1]), [1], {1}], ["a", 5]),
        (Mapping[str, int], [{}, {"a": 1}], [[], "a"]),
        (Callable[[int], None], [len, str], [5, "len"]),
        (Any, [None, 5], []),
    ],
)
def test_what_is_of_a_kind(kind: Any, right: list[object], wrong: list[object]) -> None:
    assert all(is_of(kind, value) for value in right)
    assert not any(is_of(kind, value) for value in wrong)


def test_kinds_are_named_as_people_do() -> None:
    assert in_words(int | str | None) == "a whole number, a text or None"
    assert in_words(Sequence[str]) == "a list, each of it a text"
    assert in_words(Literal["a", "b"]) == "'a', 'b'"
    assert in_words(Callable[[int], None] | Mapping[str, int]) == "a function or a mapping"
    assert in_words(ConfigError) == "a ConfigError"


def test_a_class_that_is_not_imported_is_known_by_its_name() -> None:
    from decimal import Decimal as Number

    @typed()
    def double(value: Decimal) -> Decimal:
        return 2 * value

    assert double(Number(2)) == 4
    with pytest.raises(ArgumentError, match="a Decimal"):
        double(2)  # type: ignore[arg-type]


def test_what_is_given_is_handed_on_as_it_is() -> None:
    @typed(but="judged")
    def both(values: Iterable[int], *further: int, judged: str = "") -> tuple[object, ...]:
        return values, further, judged

    values = iter([1])
    assert both(values, 2, 3, judged=5) == (values, (2, 3), 5)  # type: ignore[arg-type]
    assert next(values) == 1
    with pytest.raises(ArgumentError, match=r"'further' of .*both is 'x'"):
        both(values, 2, "x")  # type: ignore[arg-type]
