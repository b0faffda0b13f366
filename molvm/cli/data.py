"""`molvm data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(help="Build datasets, list and export them.", no_args_is_help=True)


@data_app.callback()
def data() -> None:
    """Build datasets, list and export them."""


@data_app.command("list")
def list_datasets() -> None:
    """Show which datasets there are, which are built, and what they hold."""
    from molvm.datasets.registry import DATASETS, described

    for name, what in DATASETS.items():
        typer.echo(f"{name:6s} {described(name)}\n       {what}")


@data_app.command()
def export(
    name: Annotated[str, typer.Argument(help="A dataset that is built here.")],
    out: Annotated[Path, typer.Option(help="The Parquet file.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write a dataset as one Parquet file, a row a molecule; its provenance is in the file's metadata."""
    from molvm.datasets.export import write_parquet
    from molvm.datasets.registry import load_dataset
    from molvm.durable import require_writable

    require_writable(out, overwrite=overwrite)
    dataset = load_dataset(name)
    write_parquet(dataset, out, overwrite=overwrite)
    typer.echo(f"{len(dataset)} molecules in {out}", err=True)


@data_app.command()
def qm9(
    out: Annotated[Path | None, typer.Option(help="Another directory than the one where molvm looks.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core by default.")] = None,
    limit: Annotated[int | None, typer.Option(help="Read only so many molecules, for a quick look.")] = None,
) -> None:
    """Build QM9 from the package qm9pack: explicit hydrogens, kekulised bonds, formal charges, a fixed split."""
    from molvm.cli.console import counting_bar
    from molvm.datasets.qm9 import build_qm9
    from molvm.datasets.registry import dataset_path

    path = out or dataset_path("qm9")
    with counting_bar("QM9") as progress:
        dataset = build_qm9(path, workers=workers, progress=progress, limit=limit)
    typer.echo(f"{len(dataset)} molecules in {path}", err=True)


@data_app.command()
def drugs(
    out: Annotated[Path | None, typer.Option(help="Another directory than the one where molvm looks.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core by default.")] = None,
    count: Annotated[int, typer.Option("--count", "--limit", help="How many molecules to keep.")] = 66_000,
    seed: Annotated[int, typer.Option(help="Of the choice of molecules and of their conformers.")] = 0,
) -> None:
    """Build a stand-in for GEOM-Drugs from the SMILES of MOSES (package molsets), with ETKDG and a loose GFN-FF.

    It is not GEOM: 39 atoms in the mean, no P, no I, hardly a charge, one conformer a molecule. 0.05 s a molecule on
    a core. An interrupted build goes on where it was when the command is given again.
    """
    from molvm.cli.console import counting_bar
    from molvm.datasets.drugs import build_drugs
    from molvm.datasets.registry import dataset_path

    path = out or dataset_path("drugs")
    with counting_bar("drugs") as progress:
        dataset = build_drugs(path, workers=workers, progress=progress, count=count, seed=seed)
    typer.echo(f"{len(dataset)} molecules in {path}", err=True)


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
) -> None:
    """Read GEOM-Drugs from the pickles that MiDi or GEOM publish. An interrupted build goes on where it was."""
    from molvm.cli.console import counting_bar
    from molvm.datasets.geom import build_geom
    from molvm.datasets.registry import dataset_path

    path = out or dataset_path("geom")
    with counting_bar("GEOM") as progress:
        dataset = build_geom(
            source,
            path,
            trust_pickle=trust_pickle,
            conformers=conformers or None,
            workers=workers,
            limit=limit,
            progress=progress,
        )
    typer.echo(f"{len(dataset)} conformers in {path}", err=True)
    for reason, number in dataset.manifest["dropped"].items():
        typer.echo(f"  dropped, {reason.replace('_', ' ')}: {number}", err=True)
