from __future__ import annotations

import io

from rich.console import Console

from molvm.chem.formats.smiles import read_smiles
from molvm.cli.metrics_table import DISTANCES, MEANS, SHARES, metrics_table
from molvm.evaluation import Summary, load_reference, summarise
from molvm.evaluation.quantities import COMPARED, QUANTITIES, UNITS


def shown(summary: Summary, *, subsets: bool = False) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=80).print(metrics_table(summary, subsets=subsets))
    return stream.getvalue().splitlines()


def everything() -> Summary:
    records = read_smiles(["CCO", "CC", "C", "O", "N", "CC(=O)N"])
    molecules = [record.molecule for record in records if record.molecule is not None]
    return summarise(molecules, reference=load_reference("qm9"), known={"C"}, strain=True, posebusters=True, workers=1)


def test_every_metric_has_a_line_that_fits() -> None:
    summary = everything()
    labelled = {name for labels in SHARES.values() for name in labels} | {"pb_valid"}
    assert set(summary.shares) == labelled
    assert set(summary.means) == set(MEANS) == {one.name for one in QUANTITIES}
    assert set(summary.distances) == set(DISTANCES) == {"elements", "sizes", "energy", *COMPARED}
    for subsets in (False, True):
        lines = shown(summary, subsets=subsets)
        assert max(map(len, lines)) <= 80
        assert not any("…" in line for line in lines)
        numbers = len(summary.shares) + len(summary.posebusters) + len(summary.means) + len(summary.distances)
        assert len(lines) >= numbers


def test_units_are_those_of_the_quantities() -> None:
    for name, unit in UNITS.items():
        assert unit in MEANS[name]
        assert unit in DISTANCES.get(name, unit) or name == "energy", "FlowMol's distance of energies has no unit"


def test_what_there_is_nothing_of_is_a_dash() -> None:
    records = read_smiles(["[Na+].[Cl-]"])
    summary = summarise([record.molecule for record in records if record.molecule is not None])
    (unique,) = [line for line in shown(summary) if "unique" in line]
    assert unique.split() == ["unique", "-", "-", "0"]


def test_means_of_one_molecule_have_no_interval() -> None:
    records = read_smiles(["CCO"])
    summary = summarise([record.molecule for record in records if record.molecule is not None])
    lines = [line for line in shown(summary) if "no interval" in line]
    assert len(lines) == sum(mean is not None for mean in summary.means.values()) > 5
    assert not any(" inf" in line for line in shown(summary))
