from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molvm.chem import validity
from molvm.chem.formats.record import ISOTOPES_IGNORED, MAX_RECORD_CHARACTERS, MAX_SMILES_CHARACTERS, Record
from molvm.chem.formats.sdf import sdf_text
from molvm.chem.formats.smiles import parse_smiles
from molvm.chem.io import read_molecules, write_csv, write_sdf
from molvm.chem.molecule import Molecule
from molvm.errors import InputFileError, MoleculeError, OutputExistsError

from .broken import broken_versions


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def molecule_of(record: Record) -> Molecule:
    assert record.molecule is not None, record.reason
    return record.molecule


# --- SD files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+x", "-x", "@x", "'=x", "it's", "-1.5"])
def test_texts_of_tables_are_no_formulas_and_come_back(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, ["id", "smiles", "note", "value"], [{"id": text, "smiles": "C", "note": text, "value": -1.5}])
    cells = path.read_text().splitlines()[1].split(",")
    assert cells[3] == "-1.5"
    assert cells[0] == cells[2]
    assert cells[0][0] not in "=+@"
    assert not cells[0].startswith("-x")
    (record,) = read_molecules(path)
    assert (record.id, record.properties["note"]) == (text, text)


def test_sdf_there_and_back(tmp_path: Path, drug_like: list[Molecule]) -> None:
    path = tmp_path / "out.sdf"
    named = [replace(molecule, properties={"rank": number}) for number, molecule in enumerate(drug_like)]
    assert write_sdf(path, named) == len(drug_like)
    records = read_molecules(path)
    assert [record.id for record in records] == [molecule.id for molecule in drug_like]
    for number, (record, molecule) in enumerate(zip(records, drug_like, strict=True)):
        back = molecule_of(record)
        np.testing.assert_array_equal(back.elements, molecule.elements)
        np.testing.assert_allclose(back.positions, molecule.positions, atol=1e-4)
        assert back.smiles() == molecule.smiles()
        assert record.properties == {"rank": str(number)}


@pytest.mark.parametrize(
    "smiles",
    [
        "F/C=C/F",
        "F/C=C\\F",
        "C/C=N/O",
        "C1CCC/C=C/CC1",
        "C(=C/c1ccccc1)\\c1ccncc1",
        "CC(C)=CC",
        "C=C1CCCCC1",
        "C1=CCCCC1",
        "CC=C=CC",
        "C[C@H](N)C(=O)O",
        "C[C@@H](N)C(=O)O",
        "C[C@H](F)/C=C/[C@@H](C)Cl",
    ],
)
def test_sdf_keeps_stereochemistry(tmp_path: Path, smiles: str) -> None:
    path = tmp_path / "isomer.sdf"
    write_sdf(path, [Molecule.from_smiles(smiles)])
    text = path.read_text()
    read = Chem.MolFromMolBlock(text)
    assert Chem.MolToSmiles(read) == Chem.CanonSmiles(smiles)
    counts = text.splitlines()[3]
    first = 4 + int(counts[:3])
    flags = {line[9:12].strip() for line in text.splitlines()[first : first + int(counts[3:6])] if line[6:9] == "  2"}
    assert flags == {"0"}, "no crossed double bond"
    again = tmp_path / "again.sdf"
    write_sdf(again, [molecule_of(read_molecules(path)[0])])
    assert Chem.MolToSmiles(Chem.MolFromMolBlock(again.read_text())) == Chem.CanonSmiles(smiles)


def test_positions_that_say_nothing_are_written(tmp_path: Path) -> None:
    molecule = Molecule.from_smiles("F/C=C/F")
    path = tmp_path / "flat.sdf"
    line = np.outer(np.arange(molecule.n_atoms), [1.0, 0.0, 0.0])
    assert write_sdf(path, [replace(molecule, positions=at) for at in (line, 0 * line, np.nan * line)]) == 3


def test_broken_molecules_are_not_repaired_by_writing_and_reading(tmp_path: Path, paracetamol: Molecule) -> None:
    path = tmp_path / "broken.sdf"
    names = ("a hydrogen missing", "a charge without a valence", "no bonds", "water beside it")
    versions = [broken_versions(paracetamol)[name] for name in names]
    write_sdf(path, versions)
    for record, version in zip(read_molecules(path), versions, strict=True):
        back = molecule_of(record)
        assert back.n_atoms == version.n_atoms
        assert validity.SOUND(back) == validity.SOUND(version) is not None


def test_more_charge_than_protons_is_written_as_all_of_them(tmp_path: Path, small: list[Molecule]) -> None:
    molecule = small[0]
    charges = np.where(molecule.elements == 1, 3, 0).astype(np.int8)
    path = tmp_path / "bare.sdf"
    assert write_sdf(path, [replace(molecule, formal_charges=charges), molecule]) == 2
    first, second = read_molecules(path)
    if first.molecule is not None:
        assert set(first.molecule.formal_charges[first.molecule.elements == 1].tolist()) == {1}
    else:
        assert first.reason
    assert molecule_of(second).smiles() == molecule.smiles()


def test_hydrogens_that_a_file_implies_are_added(tmp_path: Path, paracetamol: Molecule) -> None:
    mol = paracetamol.to_rdkit()
    Chem.SanitizeMol(mol)
    heavy = Chem.RemoveHs(mol)
    path = write(tmp_path / "heavy.sdf", Chem.MolToMolBlock(heavy) + "$$$$\n")
    molecule = molecule_of(read_molecules(path)[0])
    assert molecule.formula == paracetamol.formula
    assert validity.SOUND(molecule) is None
    np.testing.assert_allclose(
        molecule.positions[: heavy.GetNumAtoms()], heavy.GetConformer().GetPositions(), atol=1e-4
    )


def test_a_file_may_be_taken_as_it_is_written(tmp_path: Path, paracetamol: Molecule) -> None:
    mol = paracetamol.to_rdkit()
    Chem.SanitizeMol(mol)
    heavy = Chem.RemoveHs(mol)
    path = write(tmp_path / "heavy.sdf", Chem.MolToMolBlock(heavy) + "$$$$\n")
    molecule = molecule_of(read_molecules(path, as_written=True)[0])
    assert molecule.elements.tolist() == [atom.GetAtomicNum() for atom in heavy.GetAtoms()]
    assert validity.check_strict(molecule) is not None
    flat = write(tmp_path / "flat.sdf", Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n")
    assert molecule_of(read_molecules(flat, as_written=True)[0]).formula == "C2H6O", "there is nothing to take"


def test_flat_records_are_embedded(tmp_path: Path) -> None:
    mol = Chem.MolFromSmiles("CCO")
    path = write(tmp_path / "flat.mol", Chem.MolToMolBlock(mol))
    molecule = molecule_of(read_molecules(path)[0])
    assert molecule.formula == "C2H6O"
    assert np.ptp(molecule.positions, axis=0).min() > 0.5


def test_a_bad_record_does_not_hide_its_neighbours(tmp_path: Path, small: list[Molecule]) -> None:
    good = tmp_path / "good.sdf"
    write_sdf(good, small[:3])
    blocks = good.read_text().split("$$$$\n")[:3]
    untitled = "\n" + blocks[1].split("\n", 1)[1]
    long = "too long\n" + "x" * MAX_RECORD_CHARACTERS + "\n"
    text = "$$$$\n".join([blocks[0], "garbage\n1 2 3\n", untitled, "", long, blocks[2]]) + "$$$$\n"
    records = read_molecules(write(tmp_path / "mixed.sdf", text))
    assert [record.id for record in records] == [small[0].id, "garbage", "3", "4", "too long", small[2].id]
    assert [record.reason is None for record in records] == [True, False, True, False, False, True]


def test_hostile_titles_and_properties_stay_in_their_fields(tmp_path: Path, small: list[Molecule]) -> None:
    evil = replace(small[0], id="a\n$$$$\nb", properties={"x>\n$$$$": "1\n\n> <y>\n2", "z": "$$$$"})
    path = tmp_path / "evil.sdf"
    write_sdf(path, [evil, small[1]])
    records = read_molecules(path)
    assert [record.id for record in records] == ["a $$$$ b", small[1].id]
    assert set(records[0].properties) == {"x) $$$$", "z"}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("one\ntwo  of two\nthree", "one\ntwo of two\nthree"),
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("one\n\n \ntwo", "one\ntwo"),
        ("one\x0btwo\u2028three", "one two three"),
        ("one\n> <y>\ntwo", "one > <y> two"),
        ("one\n$$$$\ntwo", "one $$$$ two"),
        ("$$$$\ntwo", ""),
        ("", ""),
    ],
)
def test_the_lines_of_a_field_come_back(tmp_path: Path, small: list[Molecule], text: str, read: str) -> None:
    path = tmp_path / "lines.sdf"
    write_sdf(path, [replace(small[0], properties={"x": text, "y": "1"}), small[1]])
    first, second = read_molecules(path)
    assert first.properties == {"x": read, "y": "1"}
    assert second.id == small[1].id
    assert next(Chem.SDMolSupplier(str(path))).GetPropsAsDict(autoConvertStrings=False) == {"x": read, "y": "1"}
    assert first.molecule is not None
    assert sdf_text(first.molecule) == path.read_text(encoding="utf-8").partition("$$$$\n")[0] + "$$$$\n"


def test_isotopes_are_noted_not_lost_in_silence(tmp_path: Path) -> None:
    lines = "[2H]C([2H])O heavy\nCO light\n[13CH4] carbon\nnonsense[ broken\n"
    records = read_molecules(write(tmp_path / "some.smi", lines))
    assert [record.note for record in records] == [ISOTOPES_IGNORED, "", ISOTOPES_IGNORED, ""]
    mol = Chem.AddHs(Chem.MolFromSmiles("[2H]C"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    (record,) = read_molecules(write(tmp_path / "one.sdf", Chem.MolToMolBlock(mol) + "$$$$\n"))
    assert record.note == ISOTOPES_IGNORED
    write_sdf(tmp_path / "again.sdf", [molecule_of(record)])
    assert read_molecules(tmp_path / "again.sdf")[0].note == ""


def test_mutilated_files_never_raise(tmp_path: Path, small: list[Molecule]) -> None:
    path = tmp_path / "seed.sdf"
    write_sdf(path, small[:4])
    seed = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(150):
        mutant = np.array(seed)
        where = generator.integers(len(mutant), size=generator.integers(1, 40))
        mutant[where] = generator.integers(256, size=len(where))
        cut = generator.integers(1, len(mutant))
        path.write_bytes(mutant[:cut].tobytes())
        for record in read_molecules(path):
            if record.molecule is not None:
                validity.SOUND(record.molecule)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [("C" * 80 + "(" + "C" * 10 + ")" * 1, "more than"), ("C" * 251, "more than"), ("*" * 3, None), ("", "no SMILES")],
)
def test_what_is_read_has_a_molecule_or_says_why_not(smiles: str, reason: str | None) -> None:
    record = parse_smiles(smiles, "x", {})
    assert (record.molecule is None) == (record.reason is not None)
    if reason is not None:
        assert reason in str(record.reason)


def test_a_spatial_record_without_possible_hydrogens_says_so(tmp_path: Path, small: list[Molecule]) -> None:
    mol = small[5].to_rdkit()
    Chem.SanitizeMol(mol)
    lines = Chem.MolToMolBlock(Chem.RemoveHs(mol)).split("\n")
    first_bond = 4 + 4
    lines[first_bond : first_bond + 3] = ["  1  2  3  0", "  2  3  3  0", "  2  4  3  0"]
    (record,) = read_molecules(write(tmp_path / "in.sdf", "\n".join(lines) + "\n$$$$\n"))
    assert record.molecule is None or validity.SOUND(record.molecule) is not None


# --- SMILES -----------------------------------------------------------------------------------------------------


def test_smiles_lines(tmp_path: Path) -> None:
    text = "smiles name\nCCO ethanol\n\nc1ccccc1\tbenzene ring\nnonsense bad\nC\n" + "C" * (MAX_SMILES_CHARACTERS + 1)
    records = read_molecules(write(tmp_path / "in.smi", text))
    assert [record.id for record in records] == ["ethanol", "benzene ring", "bad", "4", "5"]
    assert [record.reason is None for record in records] == [True, True, False, True, False]
    assert molecule_of(records[0]).formula == "C2H6O"


def test_the_same_smiles_gives_the_same_positions() -> None:
    first, second = (molecule_of(parse_smiles("CC(=O)O", "acid", {})) for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)


def test_molecules_that_are_too_large_are_records_with_a_reason() -> None:
    assert "more than" in str(parse_smiles("C" * 120, "alkane", {}).reason)


def test_csv_tables(tmp_path: Path) -> None:
    text = "Name,activity,SMILES\nethanol,5.1,CCO\n,,C(\nwater,1,\nmethane,2,C\n"
    records = read_molecules(write(tmp_path / "in.csv", text))
    assert [record.id for record in records] == ["ethanol", "2", "water", "methane"]
    assert [record.reason is None for record in records] == [True, False, False, True]
    assert records[0].properties == {"activity": "5.1"}


def test_csv_without_smiles_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no column of SMILES"):
        read_molecules(write(tmp_path / "in.csv", "a,b\n1,2\n"))


# --- XYZ --------------------------------------------------------------------------------------------------------


def test_xyz_frames(tmp_path: Path, small: list[Molecule]) -> None:
    chosen = [molecule for molecule in small if molecule.n_atoms > 5]
    frames = "".join(Chem.MolToXYZBlock(molecule.to_rdkit()) for molecule in chosen)
    records = read_molecules(write(tmp_path / "in.xyz", frames))
    assert len(records) == len(chosen)
    for record, molecule in zip(records, chosen, strict=True):
        assert record.id == molecule.id
        assert molecule_of(record).smiles() == molecule.smiles()


@pytest.mark.parametrize("text", ["x\n\n", "3\nwater\nO 0 0 0\n", "1\nt\nQq 0 0 0\n", "1\nt\nO 0 0\n", "9999999\nt\n"])
def test_bad_xyz_frames_are_records_with_a_reason(tmp_path: Path, text: str) -> None:
    (record,) = read_molecules(write(tmp_path / "in.xyz", text))
    assert record.reason


# --- Files in general -------------------------------------------------------------------------------------------


def test_a_record_is_a_molecule_or_a_reason(small: list[Molecule]) -> None:
    with pytest.raises(MoleculeError):
        Record("x")
    with pytest.raises(MoleculeError):
        Record("x", small[0], "both")


@pytest.mark.parametrize("name", ["m.smi.gz", "m.SMILES.GZ"])
def test_packed_files_are_read(tmp_path: Path, name: str, small: list[Molecule]) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"CCO ethanol\nC methane\n"))
    assert [molecule_of(record).n_atoms for record in read_molecules(tmp_path / name)] == [9, 5]
    write_sdf(tmp_path / "plain.sdf", small[:3])
    (tmp_path / "packed.sdf.gz").write_bytes(gzip.compress((tmp_path / "plain.sdf").read_bytes()))
    for packed, plain in zip(
        read_molecules(tmp_path / "packed.sdf.gz"), read_molecules(tmp_path / "plain.sdf"), strict=True
    ):
        np.testing.assert_array_equal(molecule_of(packed).positions, molecule_of(plain).positions)


def test_damaged_packed_files_are_errors(tmp_path: Path) -> None:
    whole = gzip.compress(b"CCO ethanol\n" * 500)
    for number, damaged in enumerate((b"CCO", whole[:-20], whole[:12] + b"\xff\xff\xff" + whole[15:])):
        path = tmp_path / f"{number}.smi.gz"
        path.write_bytes(damaged)
        with pytest.raises(InputFileError, match=r"smi\.gz"):
            read_molecules(path)
    (tmp_path / "m.gz").write_bytes(whole)
    with pytest.raises(InputFileError, match="unknown"):
        read_molecules(tmp_path / "m.gz")


def test_bytes_of_another_encoding_are_not_taken_for_a_shorter_smiles(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"smiles,id\nC\xe9,odd\nCC,ethane\n")
    odd, ethane = read_molecules(tmp_path / "m.csv")
    assert odd.molecule is None
    assert "UTF-8" in str(odd.reason)
    assert molecule_of(ethane).n_atoms == 8


def test_missing_and_unknown_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        read_molecules(tmp_path / "missing.sdf")
    with pytest.raises(InputFileError, match="unknown"):
        read_molecules(write(tmp_path / "in.pdb", ""))


@pytest.mark.parametrize("suffix", [".sdf", ".smi", ".xyz"])
def test_empty_files_have_no_records(tmp_path: Path, suffix: str) -> None:
    assert read_molecules(write(tmp_path / f"in{suffix}", "")) == []


def test_nothing_is_overwritten_unless_asked(tmp_path: Path, small: list[Molecule]) -> None:
    path = write(tmp_path / "out.sdf", "precious")
    with pytest.raises(OutputExistsError):
        write_sdf(path, small)
    assert path.read_text() == "precious"
    write_sdf(path, small[:1], overwrite=True)
    assert len(read_molecules(path)) == 1


def test_a_failed_write_leaves_nothing(tmp_path: Path, paracetamol: Molecule) -> None:
    with pytest.raises(MoleculeError):
        write_sdf(tmp_path / "out.sdf", [broken_versions(paracetamol)["atomic number 0"]])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputExistsError, match="cannot be written"):
        write_sdf(tmp_path / "no" / "out.sdf", [])


def test_csv_output_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_csv(path, ["id", "value"], [{"id": 'a,"b"\nc', "value": 1.5}, {"id": "d", "value": None}])
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["id", "value"], ['a,"b"\nc', "1.5"], ["d", ""]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("column", ["SMILES", "structure", "isomeric_smiles"])
def test_tables_of_other_programs(tmp_path: Path, delimiter: str, column: str) -> None:
    rows = (("id", column, "note"), ("a", "CCO", "x"), ("b", "C", ""))
    text = "".join(delimiter.join(row) + "\n" for row in rows)
    records = read_molecules(write(tmp_path / "in.csv", text))
    assert [(molecule_of(record).id, molecule_of(record).smiles()) for record in records] == [("a", "CCO"), ("b", "C")]
    assert molecule_of(records[0]).properties == {"note": "x"}


def test_two_columns_of_smiles_are_not_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no column of SMILES"):
        read_molecules(write(tmp_path / "in.csv", "left_smiles,right_smiles\nC,CC\n"))


def test_comments_in_a_smiles_file_are_skipped(tmp_path: Path) -> None:
    records = read_molecules(write(tmp_path / "in.smi", "# from a colleague\nCCO ethanol\n#C\nC\n"))
    assert [(molecule_of(record).id, molecule_of(record).smiles()) for record in records] == [
        ("ethanol", "CCO"),
        ("2", "C"),
    ]


@pytest.mark.parametrize("comment", ["charge=1", "ammonium Charge = +1"])
def test_an_xyz_comment_may_state_the_charge(tmp_path: Path, comment: str) -> None:
    molecule = molecule_of(parse_smiles("[NH4+]", "ammonium", {}))
    atoms = zip("NHHHH", molecule.positions.tolist(), strict=True)
    text = f"5\n{comment}\n" + "".join(f"{symbol} {x} {y} {z}\n" for symbol, (x, y, z) in atoms)
    (record,) = read_molecules(write(tmp_path / "in.xyz", text))
    assert molecule_of(record).smiles() == "[NH4+]"


def test_a_single_charged_atom_in_an_xyz_file_keeps_its_charge(tmp_path: Path) -> None:
    (record,) = read_molecules(write(tmp_path / "in.xyz", "1\ncharge=1\nNa 0 0 0\n"))
    assert molecule_of(record).charge == 1
