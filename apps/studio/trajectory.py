"""The page *Trajectory*: from noise to a molecule."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from addresses import heed, pick
from parts import (
    LINKED,
    complain,
    jobs,
    messages,
    of_molecules_first,
    require_molecules,
    shelf,
    title,
    viewer,
    watch,
)

from molvm.chem.depiction import drawing
from molvm.programs.pasted import pasted
from molvm.studio.addressed import ANYTHING, MOST, SWITCH, whole
from molvm.studio.base_models import MOLECULAR
from molvm.studio.markup import rounded
from molvm.studio.paths import path_file, read_path, trajectory_arguments

LIMITS = {"seed": (0, MOST), "steps": (2, 500), "atoms": (0, 200)}


def show(path: Path, steps: int) -> None:
    """A path that was drawn in so many steps."""
    with messages():
        drawn = read_path(path)
    left, right = st.columns([3, 2], gap="large")
    with left:
        viewer(drawn.scene(), key="path")
    with right:
        st.image(drawing(drawn.molecule, 360, 240), width="stretch")
        st.code(drawn.molecule.smiles() or "no SMILES: RDKit cannot sanitise it", language=None, wrap_lines=True)
        cells = st.columns(2)
        cells[0].metric("Atoms", drawn.molecule.n_atoms)
        cells[1].metric("Steps", steps)
        if drawn.values is not None:
            cells[0].metric("V at the start / nats", rounded(drawn.values[0]))
            cells[1].metric("V at the end / nats", rounded(drawn.values[-1]))
        st.download_button(
            "All frames, SDF", path.read_bytes(), path.name, icon=":material/download:", on_click="ignore"
        )
    st.caption(
        "Every state is decoded as if it were finished: the likeliest element of each atom and order of each bond."
        + (" States between two choices of a candidate are not kept." if len(drawn.frames) <= steps else "")
    )


notices = title("Trajectory", "One molecule on its way from noise, with V(x, t) where a run steers it.")
here = shelf()
heed(
    "trajectory.py",
    {"run": ANYTHING, "base": SWITCH, **{key: whole(low, high) for key, (low, high) in LIMITS.items()}},
)
with st.sidebar:
    runs = here.runs()
    source = pick("Run or base model", [*of_molecules_first(runs), *MOLECULAR], told=notices)
    seed = int(st.number_input("Seed", *LIMITS["seed"], 0, key="seed", bind=LINKED))
    steps = int(st.number_input("Steps", *LIMITS["steps"], 50, key="steps", bind=LINKED))
    atoms = int(st.number_input("Atoms, 0 for as the base draws", *LIMITS["atoms"], 0, key="atoms", bind=LINKED))
    free = st.toggle("Unsteered, on the same noise", key="base", bind=LINKED, disabled=source not in runs)
with messages():
    if source in runs:
        require_molecules(runs[source])
    version = f"{source} {runs[source].version}" if source in runs else source
    target = path_file(here.files_folder, version, seed=seed, steps=steps, atoms=atoms, free=free)
    told = str(runs[source].directory.path) if source in runs else source
    argv = trajectory_arguments(told, target, seed=seed, steps=steps, atoms=atoms, free=free and source in runs)
job = watch(target.stem, "Drawing.")
running = jobs().find(target.stem)
if target.is_file():
    show(target, steps)
elif running is None or not running.running:
    if job is not None:
        complain(job)
    st.info("This path has not been drawn yet. It takes a few seconds for the model to be read, and some a step.")
    if st.button("Draw it", type="primary", icon=":material/play_arrow:"):
        with messages():
            target.parent.mkdir(parents=True, exist_ok=True)
            jobs().start(target.stem, argv)
        st.rerun()
st.code(pasted("molvm", *argv), language="bash", wrap_lines=True)
