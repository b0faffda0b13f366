from __future__ import annotations

import pickle

import pytest
from faulty_rewards import infinite, leaving, number_in_words, raising, silent, text, tpsa
from rdkit import Chem
from rdkit.Chem import QED, Descriptors, rdMolDescriptors

from molvm.chem.molecule import Molecule
from molvm.errors import RewardError
from molvm.rewards import PythonReward, Reward, reward
from molvm.rewards.python import Score


def test_a_decorated_function_is_a_reward(drug_like: list[Molecule]) -> None:
    assert isinstance(tpsa, Reward)
    assert (tpsa.name, tpsa.unit, tpsa.direction, tpsa.floor) == ("tpsa", "Å²", "maximise", None)
    assert tpsa.__doc__ == "Topological polar surface area."
    for molecule, outcome in zip(drug_like, tpsa(drug_like), strict=True):
        assert outcome.value == pytest.approx(Descriptors.TPSA(Chem.MolFromSmiles(molecule.smiles())))


@pytest.mark.parametrize("bad", [raising, silent, infinite, text, number_in_words, leaving])
def test_no_answer_is_a_failure_and_never_a_zero(bad: PythonReward, small: list[Molecule]) -> None:
    (outcome,) = bad(small[:1])
    assert outcome.value is None
    assert outcome.failure is not None
    assert outcome.failure.kind == "reward_error"


def test_the_function_sees_sound_molecules_only(small: list[Molecule]) -> None:
    seen: list[Chem.Mol] = []

    @reward()
    def spy(mol: Chem.Mol) -> float:
        seen.append(mol)
        return float(mol.GetNumAtoms())

    lonely = Molecule([6], [[0.0, 0.0, 0.0]], [0], [], [], id="C")  # type: ignore[arg-type]
    outcomes = spy([lonely, small[0]])
    assert outcomes[0].failure is not None
    assert outcomes[0].failure.kind == "invalid"
    assert outcomes[1].value == 3.0
    assert len(seen) == 1
    assert seen[0].GetNumConformers() == 1


def test_the_decorator_needs_no_parentheses() -> None:
    assert isinstance(leaving, PythonReward)
    assert (leaving.name, leaving.unit, leaving.direction, leaving.floor) == ("leaving", "", "maximise", None)


def test_it_travels_as_itself() -> None:
    assert pickle.loads(pickle.dumps(tpsa)) is tpsa  # noqa: S301


@pytest.mark.parametrize("function", [QED.qed, Descriptors.MolLogP, rdMolDescriptors.CalcTPSA])
def test_a_wrapped_library_function_travels_with_its_settings(function: Score, small: list[Molecule]) -> None:
    weight = reward(name="weight", unit="Da", direction="minimise", floor=0.0)(function)
    copy = pickle.loads(pickle.dumps(weight))  # noqa: S301
    assert (copy.name, copy.unit, copy.direction, copy.floor) == ("weight", "Da", "minimise", 0.0)
    assert copy.outcome(small[2]).value == weight.outcome(small[2]).value
    assert copy.outcome(small[2]).ok


def test_local_functions_cannot_travel() -> None:
    with pytest.raises(pickle.PicklingError, match="top level"):
        pickle.dumps(reward()(lambda mol: 1.0))


def test_senseless_declarations_are_refused() -> None:
    with pytest.raises(RewardError, match="direction"):
        reward(direction="up")(len)  # type: ignore[arg-type]
    with pytest.raises(RewardError, match="floor"):
        reward(floor=float("nan"))(len)  # type: ignore[arg-type]
