"""`molvm data`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from molvm.cli.answer import Json, answer
from molvm.cli.completion import datasets

data_app = typer.Typer(help="Build datasets, list and export them.", no_args_is_help=True)


@data_app.callback()
def data() -> None:
    """Build datasets, list and export them."""


@data_app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """Show which datasets there are, which are built, and what they hold."""
    from molvm.datasets.registry import DATASETS, described

    found = [{"name": name, "state": described(name), "holds": what} for name, what in DATASETS.items()]
    words = "\n".join(f"{each['name']:6s} {each['state']}\n       {each['holds']}" for each in found)
    answer(found, words, as_json=as_json)


@data_app.command()
def export(
    name: Annotated[str, typer.Argument(help="A dataset that is built here.", autocompletion=datasets)],
    out: Annotated[Path, typer.Option(help="The Parquet file.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Json = False,
) -> None:
    """Write a dataset as one Parquet file, a row a molecule; its provenance is in the file's metadata."""
    from molvm.cli.endings import require_ending
    from molvm.datasets.export import write_parquet
    from molvm.datasets.registry import load_dataset
    from molvm.durable import require_writable

    require_ending(out, ".parquet", ".pq")
    require_writable(out, overwrite=overwrite)
    with _told_if_interrupted(out, "begins again"):
        dataset = load_dataset(name)
        write_parquet(dataset, out, overwrite=overwrite)
    _tell(len(dataset), out, as_json=as_json)


@data_app.command()
def qm9(
    out: Annotated[Path | None, typer.Option(help="Another directory than the one where molvm looks.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core by default.")] = None,
    limit: Annotated[int | None, typer.Option(help="Read only so many molecules, for a quick look.")] = None,
    as_json: Json = False,
) -> None:
    """Build QM9 from the package qm9pack: explicit hydrogens, kekulised bonds, formal charges, a fixed split."""
    from molvm.cli.console import counting_bar
    from molvm.datasets.qm9 import build_qm9
    from molvm.datasets.registry import dataset_path

    path = out or dataset_path("qm9")
    with _told_if_interrupted(path, "begins again"), counting_bar("QM9") as progress:
        dataset = build_qm9(path, workers=workers, progress=progress, limit=limit)
    _tell(len(dataset), path, as_json=as_json)


@data_app.command()
def drugs(
    out: Annotated[Path | None, typer.Option(help="Another directory than the one where molvm looks.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core by default.")] = None,
    count: Annotated[int, typer.Option("--count", "--limit", help="How many molecules to keep.")] = 66_000,
    seed: Annotated[int, typer.Option(help="Of the choice of molecules and of their conformers.")] = 0,
    as_json: Json = False,
) -> None:
    """Build a stand-in for GEOM-Drugs from the SMILES of MOSES (package molsets), with ETKDG and a loose GFN-FF.

    It is not GEOM: 39 atoms in the mean, no P, no I, hardly a charge, one conformer a molecule. 0.05 s a molecule on
    a core. An interrupted build goes on where it was when the command is given again.
    """
    from molvm.cli.console import counting_bar
    from molvm.datasets.drugs import build_drugs
    from molvm.datasets.registry import dataset_path

    path = out or dataset_path("drugs")
    with _told_if_interrupted(path, "goes on"), counting_bar("drugs") as progress:
        dataset = build_drugs(path, workers=workers, progress=progress, count=count, seed=seed)
    _tell(len(dataset), path, as_json=as_json)


@data_app.command()
def geom(
    source: Annotated[Path, typer.Argument(help="The folder with MiDi's split pickles, or with GEOM's rdkit_folder.")],
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Open the pickles: you trust whoever made them.")
    ] = False,
    conformers: Annotated[int, typer.Option(help="Of a molecule at most; 0 takes all.")] = 5,
    out: Annotated[Path | None, typer.Option(help="Another directory than the one where molvm looks.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core by default.")] = None,
    limit: Annotated[int | None, typer.Option(help="Read only so many molecules (of each pickle).")] = None,
    as_json: Json = False,
) -> None:
    """Read GEOM-Drugs from the pickles that MiDi or GEOM publish. An interrupted build goes on where it was."""
    from molvm.cli.console import counting_bar
    from molvm.datasets.geom import build_geom
    from molvm.datasets.registry import dataset_path

    path = out or dataset_path("geom")
    with _told_if_interrupted(path, "goes on"), counting_bar("GEOM") as progress:
        dataset = build_geom(
            source,
            path,
            trust_pickle=trust_pickle,
            conformers=conformers or None,
            workers=workers,
            limit=limit,
            progress=progress,
        )
    dropped = {reason.replace("_", " "): number for reason, number in dataset.manifest["dropped"].items()}
    lines = [f"{len(dataset)} conformers in {path}", *(f"  dropped, {why}: {count}" for why, count in dropped.items())]
    answer({"conformers": len(dataset), "path": path, "dropped": dropped}, "\n".join(lines), as_json=as_json, err=True)


def _told_if_interrupted(path: Path, what: str) -> AbstractContextManager[None]:
    """After Ctrl-C, say that the path is not written, and what the same command does."""
    from molvm.cli.interrupts import told_if_interrupted

    return told_if_interrupted(lambda: f"{path} is not written: the same command {what}.")


def _tell(count: int, path: Path, *, as_json: bool) -> None:
    answer({"molecules": count, "path": path}, f"{count} molecules in {path}", as_json=as_json, err=True)
