"""The page *Runs*: how training goes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from addresses import heed
from parts import curve, makes_images, messages, pick_run, shelf, title

from molvm.errors import MolVMError
from molvm.studio.addressed import ANYTHING
from molvm.studio.markup import plain, rounded
from molvm.studio.path_weights import of_path_weights
from molvm.studio.progress import failures_by_stage, metric_rows, overview
from molvm.studio.shelf import ShelvedRun

REFRESH_SECONDS = 2.0

CURVES = (
    ("reward", "mean reward", None),
    ("kl", "KL from the base / nats", None),
    ("ess", "effective sample size", (0.0, 1.0)),
    ("failures", "share of failures", (0.0, 1.0)),
)

OF_MOLECULES = (
    ("gallery.py", "Gallery", ":material/grid_view:"),
    ("trajectory.py", "Trajectory", ":material/timeline:"),
)
OF_IMAGES = (("images.py", "Images", ":material/photo_library:"),)
"""Pages that show what a run makes."""


def draw(run: ShelvedRun) -> None:
    """The state of a run, now."""
    try:
        manifest, rows = run.manifest, metric_rows(run.store.metrics())
        asked = run.config.training.iterations
    except MolVMError as error:
        st.error(plain(error))
        return
    head(run, rows, asked)
    if rows.empty:
        st.info("No round is finished yet.")
        return
    for pair in (CURVES[:2], CURVES[2:]):
        for (name, label, band), place in zip(pair, st.columns(2, gap="large"), strict=True):
            unit = f" / {manifest.unit}" if name == "reward" and manifest.unit else ""
            if name in rows:
                place.altair_chart(curve(rows, name, label + unit, band=band), width="stretch")
    if "ess" in rows:
        st.caption(f"Effective sample size: {of_path_weights(manifest.makes)}.")
    stages = failures_by_stage(rows)
    if not stages.empty:
        st.subheader("Failures by the check or step that was not passed", anchor=False)
        st.dataframe(
            stages,
            hide_index=True,
            column_config={
                "share": st.column_config.ProgressColumn("share", min_value=0, max_value=1, format="percent")
            },
        )


def head(run: ShelvedRun, rows: pd.DataFrame, asked: int) -> None:
    """The figures that one looks for first."""
    last: dict[str, Any] = {} if rows.empty else rows.iloc[-1].to_dict()
    unit = run.manifest.unit
    cells = st.columns(5)
    cells[0].metric("State", run.state)
    cells[1].metric("Round", f"{len(rows)} of {asked}")
    cells[2].metric(f"Mean reward{f' / {unit}' if unit else ''}", rounded(last.get("reward")))
    cells[3].metric("KL / nats", rounded(last.get("kl")))
    cells[4].metric("Failures", "–" if rows.empty else f"{last['failures']:.0%}")


title("Runs", "Training, round by round. Runs that are under way are drawn anew every two seconds.")
heed("runs.py", {"run": ANYTHING})
here = shelf()
with messages():
    summary = overview(here.runs())
if len(summary) > 1:
    figures = {name: st.column_config.NumberColumn(format="%.3g") for name in ("mean reward", "KL / nats")}
    st.dataframe(summary, hide_index=True, height="content" if len(summary) < 9 else 320, column_config=figures)
chosen = pick_run(here)
links = iter(st.columns([1, 1, 1, 5]))
for page, label, icon in OF_IMAGES if makes_images(chosen) else OF_MOLECULES:
    next(links).page_link(page, label=label, icon=icon, query_params={"run": chosen.name})
next(links).page_link(
    "compare.py", label="Compare", icon=":material/compare_arrows:", query_params={"runs": chosen.name}
)
with messages():
    live = chosen.state == "running"
st.fragment(draw, run_every=REFRESH_SECONDS if live else None)(chosen)
with st.expander("Settings and versions"):
    left, right = st.columns(2)
    with messages():
        left.code(chosen.directory.config.read_text(encoding="utf-8"), language="toml", height=360)
        right.json({"versions": dict(chosen.manifest.versions), "machine": dict(chosen.manifest.machine)})
