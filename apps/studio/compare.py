"""The page *Compare*: runs beside their base."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st
from addresses import heed, pick, pick_some
from parts import GREY, LINKED, PADDING, complain, jobs, messages, shelf, title, watch

from molvm.chem.depiction import drawing
from molvm.chem.molecule import Molecule
from molvm.runs.groups import BASE, Group, base_and_run, pareto, reward_against_kl, rounds_of_groups
from molvm.studio.addressed import ANYTHING, MOST, whole
from molvm.studio.base_laws import bases, cautions, incomparable, law_of, told_of
from molvm.studio.comparison import group_rows, value_rows
from molvm.studio.markup import plain
from molvm.studio.pairs import pair_arguments, pair_files, pairs
from molvm.studio.shelf import ShelvedRun

MOST_BINS = 40
MOST_PAIRS = 32


@st.cache_resource(max_entries=16, show_spinner="Reading molecules …")
def groups(_run: ShelvedRun, version: tuple[int, int], name: str) -> tuple[Group, Group]:
    metrics = _run.store.metrics()
    return base_and_run(name, metrics, _run.store.records(among=rounds_of_groups(metrics)))


def colours(names: list[str], free: list[str]) -> alt.Color:
    """Greys for the bases, the theme's colours for the runs."""
    theme = ["#1f6f78", "#d9822b", "#7b3fa0", "#4c8f4f", "#b5485d", "#5c7fa8"]
    greys = [GREY, "#b9c3ca", "#5d6b76"]
    runs = [name for name in names if name not in free]
    shown = [theme[runs.index(name) % len(theme)] if name in runs else greys[free.index(name) % 3] for name in names]
    return alt.Color("group:N", scale=alt.Scale(domain=names, range=shown), legend=alt.Legend(title=None, orient="top"))


def distributions(free: list[Group], steered: list[Group], label: str) -> None:
    """The rewards of all groups as histograms of shares."""
    found = [*free, *steered]
    smallest = min((len(group.values) for group in found if group.values), default=0)
    rows = pd.DataFrame(value_rows(found, min(MOST_BINS, max(8, smallest // 4))))
    if rows.empty:
        st.info("No molecule has a reward yet.")
        return
    lines = (
        alt.Chart(rows)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("value:Q", title=label, scale=alt.Scale(nice=False)),
            y=alt.Y("share:Q", title="share of the scored"),
            color=colours([group.name for group in found], [group.name for group in free]),
        )
    )
    st.altair_chart(alt.layer(lines, padding=PADDING).properties(height=300), width="stretch")


def against_kl(chosen: list[ShelvedRun], unit: str, *, maximise: bool) -> None:
    """Reward against KL, a point a round, and the best of them joined."""
    points = [point for run in chosen for point in reward_against_kl(run.name, run.store.metrics())]
    if not points:
        st.info("No round is finished yet.")
        return
    x, y = (
        alt.X("kl:Q", title="KL from the base / nats"),
        alt.Y("reward:Q", title=f"mean {unit}, failures at the floor", scale=alt.Scale(zero=False)),
    )
    names = [run.name for run in chosen]
    dots = (
        alt.Chart(pd.DataFrame(points).rename(columns={"run": "group"}))
        .mark_circle(size=55, opacity=0.65)
        .encode(x=x, y=y, color=colours(names, []), tooltip=["group", "iteration", "kl", "reward"])
    )
    front = alt.Chart(pd.DataFrame(pareto(points, maximise=maximise)))
    line = front.mark_line(interpolate="step-after", color=GREY, strokeDash=[4, 3]).encode(x=x, y=y)
    st.altair_chart(alt.layer(line, dots, padding=PADDING).properties(height=300), width="stretch")


def side_by_side(chosen: list[ShelvedRun]) -> None:
    """Molecules of the base and of one of the runs from the same noise."""
    cells = st.columns([2, 1, 1, 1])
    with cells[0]:
        name = pick("Of the run", [run.name for run in chosen], "of")
    run = next(run for run in chosen if run.name == name)
    seed = int(cells[1].number_input("Seed of the pairs", 0, MOST, 0, key="seed", bind=LINKED))
    count = int(cells[2].number_input("Pairs", 1, MOST_PAIRS, 4, key="count", bind=LINKED))
    if run.manifest.makes == "images":
        st.page_link(
            "images.py",
            label="Pairs of images are on the page Images",
            icon=":material/photo_library:",
            query_params={"run": run.name},
        )
        return
    base, steered = pair_files(here.files_folder, f"{run.name} {run.version}", seed=seed, count=count)
    jobs_of = {path.stem: (path, guidance) for path, guidance in ((base, 0.0), (steered, 1.0))}
    if base.is_file() and steered.is_file():
        for left, right in pairs(base, steered):
            one, two = st.columns(2, gap="large")
            half(one, left, BASE)
            half(two, right, run.name)
        return
    ended = [watch(name, f"Drawing {'the base' if not at[1] else 'the run'}.") for name, at in jobs_of.items()]
    if any(job is not None and job.running for job in map(jobs().find, jobs_of)):
        return
    for job in ended:
        if job is not None and job.exit_code:
            complain(job)
    if st.button("Draw pairs from the same noise", icon=":material/play_arrow:"):
        with messages():
            base.parent.mkdir(parents=True, exist_ok=True)
            for name, (path, guidance) in jobs_of.items():
                if not path.is_file():
                    argv = pair_arguments(str(run.directory.path), path, seed=seed, count=count, guidance=guidance)
                    jobs().start(name, argv)
        st.rerun()


def half(place: object, molecule: Molecule | None, name: str) -> None:
    """One of a pair."""
    with place.container(border=True):  # type: ignore[attr-defined]
        if molecule is None:
            st.caption("nothing readable")
            return
        st.image(drawing(molecule, 360, 170), width="stretch")
        valid = molecule.properties.get("valid") == "yes"
        st.caption(f"**{plain(name)}** · {plain(molecule.formula)}{'' if valid else ' · :orange[not valid]'}")


title("Compare", "What steering has changed: distributions against the base, reward against KL, pairs from one noise.")
heed(
    "compare.py",
    {"runs": ANYTHING, "of": ANYTHING, "seed": whole(0), "count": whole(1, MOST_PAIRS)},
)
here = shelf()
runs = here.runs()
if not runs:
    st.info("There is no run here yet.")
    st.stop()
names = pick_some("Runs", list(runs), "runs", of="of")
if not names:
    st.info("Choose at least one run.")
    st.stop()
with messages():
    laws = {name: law_of(runs[name]) for name in names}
    if others := incomparable(names, list(laws.values())):
        told = ", ".join(f"{name} ({reward})" for name, reward in others.items())
        st.warning(plain(f"Left out, because {names[0]} has another reward, {told_of(laws[names[0]])}: {told}."))
    names = [name for name in names if name not in others]
    chosen = [runs[name] for name in names]
    shared = [laws[name] for name in names]
    for told in cautions(names, shared):
        st.warning(plain(told))
    found = [groups(run, run.version, run.name) for run in chosen]
free, steered = bases(shared, found), [ended for _, ended in found]
reward, unit, direction = shared[0].reward
label = f"{reward}{f' / {unit}' if unit else ''}"
left, right = st.columns(2, gap="large")
with left:
    st.subheader("Rewards", anchor=False)
    distributions(free, steered, label)
with right:
    st.subheader("Reward against KL", anchor=False)
    against_kl(chosen, label, maximise=direction == "maximise")
st.dataframe(pd.DataFrame(group_rows([*free, *steered])), hide_index=True, height="content")
st.caption(
    "The base: samples of rounds that nothing steered. A run: those of the last quarter of its steered rounds. "
    "Curves and means are of the samples with a reward; against KL, a failure counts as the run's floor."
)
st.subheader("Side by side, from the same noise", anchor=False)
side_by_side(chosen)
