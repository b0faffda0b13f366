from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from molvm.chem.molecule import Molecule
from molvm.datasets.pack import pack
from molvm.datasets.qm9 import build_qm9
from molvm.errors import EvaluationError, UnknownNameError
from molvm.evaluation.stability import is_stable
from molvm.evaluation.valency_tables import ValencyTable, derive_table, load_valency_table, parse_table

SYMBOLS = ("C", "H", "N", "O", "F")


def allowed(table: ValencyTable) -> set[tuple[int, int | None, float]]:
    return {
        (number, charge, valency)
        for number, of_element in table.allowed.items()
        for charge, values in of_element.items()
        for valency in values
    }


def test_a_sample_of_qm9_rederives_a_part_of_the_packaged_table(tmp_path: Path) -> None:
    sample = build_qm9(tmp_path / "qm9", workers=1, limit=1500)
    derived = parse_table(derive_table(sample))
    assert allowed(derived) <= allowed(load_valency_table("qm9"))
    # The common ones are in every sample.
    assert allowed(derived) >= {(6, 0, 4.0), (1, 0, 1.0), (7, 0, 3.0), (8, 0, 2.0), (7, 1, 4.0), (8, -1, 1.0)}
    whole_train = sample.subset("train")
    assert all(is_stable(whole_train.molecule(index), derived) for index in range(len(whole_train)))


def test_the_derived_table_counts_every_atom(sound: list[Molecule]) -> None:
    document = derive_table(pack(sound, name="few", element_symbols=SYMBOLS))
    counted = sum(
        count
        for of_element in document["atoms"].values()
        for values in of_element.values()
        for count in values.values()
    )
    assert counted == sum(molecule.n_atoms for molecule in sound)
    assert document["valencies"]["N"] == {"0": [3], "1": [4]}


def test_what_the_training_molecules_do_not_show_is_not_allowed(make: Callable[..., Molecule]) -> None:
    table = parse_table(derive_table(pack([make("CCO")], name="few", element_symbols=SYMBOLS)))
    assert not is_stable(make("CN"), table)
    assert is_stable(make("COC"), table)


def test_only_the_named_split_is_counted(make: Callable[..., Molecule]) -> None:
    dataset = pack([make("C"), make("O")], name="two", element_symbols=SYMBOLS, split=np.array([0, 2]))
    assert "O" not in derive_table(dataset)["valencies"]
    assert "O" in derive_table(dataset, "test")["valencies"]
    with pytest.raises(EvaluationError, match="validation"):
        derive_table(dataset, "validation")


def test_an_unlisted_charge_falls_back_to_neutral_in_the_permissive_table_only() -> None:
    assert load_valency_table("midi").valencies(8, 3) == {2.0}
    assert load_valency_table("geom").valencies(8, 3) == frozenset()
    assert load_valency_table("midi").valencies(5, -1) == {3.0}, "boron is listed for any charge"


def test_an_unlisted_element_is_never_stable() -> None:
    for name in ("qm9", "geom", "midi"):
        assert load_valency_table(name).valencies(92, 0) == frozenset()


def test_an_unknown_table_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'geom'"):
        load_valency_table("geoms")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"name": "x", "convention": "odd", "charge_fallback": False, "valencies": {}},
        {"name": "x", "convention": "float", "charge_fallback": False, "valencies": {"C": {"zero": [4]}}},
        {"name": "x", "convention": "float", "charge_fallback": False, "valencies": {"C": [4]}},
    ],
)
def test_what_is_no_table_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(EvaluationError):
        parse_table(document)
