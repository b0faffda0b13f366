"""What several pages draw."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
import streamlit.components.v1 as components
from addresses import pick
from streamlit.delta_generator import DeltaGenerator

from molvm.chem.molecule import Molecule
from molvm.chem.scenes import Scene
from molvm.chem.viewing import FOLDER
from molvm.errors import InputFileError, MolVMError
from molvm.rewards.base import MoleculeReward, Outcome
from molvm.studio.addressed import is_whole
from molvm.studio.jobs import Job, Jobs
from molvm.studio.judging import shared_judge, slow_judge
from molvm.studio.markup import plain
from molvm.studio.molecule_table import MOST_MOLECULES, MoleculeTable, table_of_file, table_of_records
from molvm.studio.rewards import offered_rewards
from molvm.studio.serving import ROOT_VARIABLE
from molvm.studio.shelf import Shelf, ShelvedRun, open_shelf
from molvm.studio.tidying import tidy

LINKED: Any = "query-params"
"""Widgets that are bound to the address of the page."""

AT_ONCE = 0.25
"""Seconds that a page waits for an answer before it is drawn without it."""

PADDING = {"left": 5, "top": 5, "right": 16, "bottom": 5}
"""Pixels around a chart: what stands below its right end is not cut."""

BLUE, GREY = "#1f6f78", "#8a99a5"

_viewer = components.declare_component("molvm_viewer", path=str(FOLDER))


@contextmanager
def messages() -> Iterator[None]:
    """Shows errors that are the user's to mend, as text, and ends the page there."""
    try:
        yield
    except MolVMError as error:
        st.error(plain(error))
        st.stop()


def title(name: str, explanation: str) -> DeltaGenerator:
    """The head of a page, and a place below it for what is to be read first."""
    st.title(name, anchor=False)
    st.caption(explanation)
    return st.container()


def shelf() -> Shelf:
    """The runs and files that the studio was started on."""
    with messages():
        return open_shelf(os.environ.get(ROOT_VARIABLE, "."))


@st.cache_resource
def offered() -> dict[str, str]:
    """Rewards that a field offers, and what each means."""
    return offered_rewards()


@st.cache_resource
def _jobs(files: Path) -> Jobs:
    tidy(files)
    return Jobs(files / "logs")


def jobs() -> Jobs:
    """What the studio has started."""
    return _jobs(shelf().files_folder)


def pick_run(here: Shelf) -> ShelvedRun:
    """A run, chosen by a menu."""
    runs = here.runs()
    if not runs:
        st.info("There is no run here yet. The page *Launch* starts one.")
        st.stop()
    return runs[pick("Run", list(runs))]


def pick_source(here: Shelf, notices: DeltaGenerator) -> tuple[str, MoleculeTable]:
    """The molecules of a run or a file, chosen by a menu, and the name of the source."""
    names = [*of_molecules_first(here.runs()), *here.files()]
    if not names:
        st.info("There are neither runs nor molecule files here yet.")
        st.stop()
    name = pick("Run or file", names, forget=("id", "selected", "descending"), told=notices)
    with notices, messages():
        return name, molecules_of(here, name)


def makes_images(run: ShelvedRun) -> bool:
    """Whether it does; of a damaged one nobody knows, which the page *Runs* tells."""
    try:
        return run.manifest.makes == "images"
    except MolVMError:
        return False


def minimises(run: ShelvedRun | None) -> bool:
    """Whether small values of its reward are the good ones; of a file nobody knows."""
    return run is not None and run.manifest.direction == "minimise"


def of_molecules_first(runs: Mapping[str, ShelvedRun]) -> list[str]:
    """Their names, the newest first, those of images behind all others: a page of molecules begins with the first."""
    return sorted(runs, key=lambda name: makes_images(runs[name]))


def require_molecules(run: ShelvedRun) -> None:
    """Refuse a run of images.

    Raises:
        MolVMError: It makes images, or its manifest is damaged.
    """
    if run.manifest.makes != "molecules":
        raise InputFileError(
            f"The run {run.name} makes images, which this page does not show.",
            allowed="molecules",
            remedy="the page Images",
        )


def molecules_of(here: Shelf, name: str) -> MoleculeTable:
    """The newest molecules of a run, or those of a file.

    Raises:
        MolVMError: It cannot be read.
    """
    if (run := here.runs().get(name)) is not None:
        require_molecules(run)
        return _run_table(run, run.version, name)
    path = here.file(name)
    return _file_table(path, name, path.stat().st_mtime_ns)


@st.cache_resource(max_entries=6, show_spinner="Reading molecules …", show_time=True)
def _run_table(_run: ShelvedRun, version: tuple[int, int], name: str) -> MoleculeTable:
    size = max(1, _run.config.training.batch_size)
    rounds = len(_run.store.metrics())
    records = _run.store.records(max(0, rounds - MOST_MOLECULES // size))
    return table_of_records(records, _run.manifest.reward, _run.manifest.unit)


@st.cache_resource(max_entries=4, show_spinner="Reading molecules …", show_time=True)
def _file_table(_path: Path, name: str, changed: int) -> MoleculeTable:
    return table_of_file(_path)


def judged(reward: MoleculeReward, molecule: Molecule, *, slow: bool = False) -> Outcome | None:
    """What a reward says of a molecule; None as long as it is being found, and the page is drawn anew when it is.

    Args:
        reward: What is asked.
        molecule: The molecule.
        slow: Whether it takes long, so that other questions should not wait for it.
    """
    judge = slow_judge() if slow else shared_judge()
    promise = judge.ask(reward, molecule)
    try:
        return promise.result(AT_ONCE)
    except (TimeoutError, CancelledError):
        pass

    @st.fragment(run_every=0.5)
    def wait() -> None:
        if judge.ask(reward, molecule).done():  # asked again, because what nobody asks for is given up
            st.rerun()

    wait()
    return None


def paged(chosen: Sequence[int], per_page: int, columns: int, draw: Callable[[int], None]) -> None:
    """Draws the chosen ones of one page side by side, with a widget for the page if there are several."""
    pages = -(-len(chosen) // per_page)
    page = 1
    asked = st.query_params.get("page", "1")
    if "page" not in st.session_state and not is_whole(asked, 1, pages):
        st.warning(f"The address asks for page {plain(asked, 20)}. The pages here: 1 to {pages}.")
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            page = st.number_input("Page", 1, pages, key="page", bind=LINKED, width=150, label_visibility="collapsed")
            st.caption(f"of {pages} pages", width="content")
    shown = chosen[(page - 1) * per_page : page * per_page]
    for start in range(0, len(shown), columns):
        for place, index in zip(st.columns(columns), shown[start : start + columns], strict=False):
            with place:
                draw(index)


def viewer(scene: Scene, key: str) -> None:
    """A molecule in 3D; the picture is in a frame of its own that is sent numbers alone."""
    _viewer(scene=scene, key=key, default=None)


def watch(name: str, what: str) -> Job | None:
    """Shows how far a job is until it ends; the job once it has, None if there is none."""
    job = jobs().find(name)
    if job is None or not job.running:
        return job

    @st.fragment(run_every=1.0)
    def progress() -> None:
        if not job.running:
            st.rerun()
        st.progress(job.share or 0.0, text=f"{what} {plain(job.last_line)}")
        if st.button("Stop", key=f"stop-{name}", icon=":material/stop_circle:"):
            job.stop()

    progress()
    return None


def complain(job: Job) -> bool:
    """Shows why a job has failed or that it was stopped; whether one of the two is so."""
    if job.exit_code == 0:
        return False
    (st.info if job.stopped else st.error)(plain(job.ending))
    return True


def curve(rows: pd.DataFrame, y: str, label: str, *, band: tuple[float, float] | None = None) -> alt.Chart:
    """A quantity against the iteration."""
    scale = alt.Scale(zero=False) if band is None else alt.Scale(domain=list(band))
    return (
        alt.Chart(rows)
        .mark_line(color=BLUE, strokeWidth=2, point=alt.OverlayMarkDef(size=18, color=BLUE))
        .encode(
            x=alt.X("iteration:Q", title="round", axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y(f"{y}:Q", title=label, scale=scale),
            tooltip=[alt.Tooltip("iteration:Q"), alt.Tooltip(f"{y}:Q", format=".4g")],
        )
        .properties(height=210, padding=PADDING)
    )
