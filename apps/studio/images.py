"""The page *Images*: what a run of images has made, filtered, sorted and taken away."""

from __future__ import annotations

import streamlit as st
from addresses import heed, pick, switch
from parts import LINKED, complain, jobs, makes_images, messages, minimises, paged, shelf, title, watch

from molvm.images.files import GRID_FILE
from molvm.studio.addressed import ANYTHING, MOST, SWITCH, Rule, one_of, some_of, span, whole
from molvm.studio.image_table import MOST_IMAGES, ImageTable, as_zip, table_of_images
from molvm.studio.markup import plain, rounded
from molvm.studio.pairs import image_pair_arguments, image_pairs_folder
from molvm.studio.ranges import limits
from molvm.studio.shelf import ShelvedRun

COLUMNS = 8
PER_PAGE = 48
MOST_PAIRS = 64
SORTED_BY = {"value": "The reward", "iteration": "The round", "prompt": "What was asked for"}


def first_shown(run: ShelvedRun) -> int:
    """The first of the newest rounds, as many as are shown at once."""
    return max(0, len(run.store.metrics()) - MOST_IMAGES // max(1, run.config.training.batch_size))


@st.cache_resource(max_entries=4, show_spinner="Reading images …")
def run_table(_run: ShelvedRun, version: tuple[int, int], name: str) -> ImageTable:
    return table_of_images(_run.store.records(first_shown(_run)), _run.manifest.reward)  # type: ignore[arg-type]  # the run makes images


def rules(table: ImageTable) -> dict[str, Rule]:
    """What the address may ask for."""
    known = {
        "run": ANYTHING,
        "sort": one_of(SORTED_BY.values()),
        "descending": SWITCH,
        "page": whole(1),
        "seed": whole(0),
        "count": whole(1, MOST_PAIRS),
    }
    if any(table.prompts):
        known["prompts"] = some_of(table.prompts)
    low, high, _ = limits(table.rows["value"])
    return {**known, "range": span(low, high)} if low < high else known


def filters(table: ImageTable, *, minimised: bool) -> list[int]:
    """The images that the widgets in the sidebar ask for, in order: the best first, where nothing else is asked."""
    by = st.selectbox("Sort by", list(SORTED_BY), format_func=SORTED_BY.__getitem__, key="sort", bind=LINKED)
    descending = switch("Largest first", "descending", default=not (minimised and by == "value"))
    prompts = st.multiselect("Asked for", table.prompts, key="prompts", bind=LINKED) if any(table.prompts) else []
    low, high, step = limits(table.rows["value"])
    values = None
    if low < high:
        asked = st.slider(plain(table.reward, 40), low, high, (low, high), step, format="%g", key="range", bind=LINKED)
        values = None if asked == (low, high) else asked
    return table.chosen(prompts, values, by=by, descending=descending)


def card(table: ImageTable, index: int) -> None:
    """One image."""
    row = table.rows.loc[index]
    st.image(table.images[index].pil(), width="stretch")
    failure = row["failure"]
    value = f":orange[{plain(row['stage'], 30)}]" if isinstance(failure, str) else f"**{rounded(row['value'])}**"
    asked = f" · {plain(row['prompt'], 24)}" if row["prompt"] else ""
    reason = row["reason"]
    st.markdown(f"{value}{asked}", help=plain(reason) if isinstance(reason, str) and reason else None)


def from_the_same_noise(run: ShelvedRun) -> None:
    """The base above the run, once someone has asked for it."""
    cells = st.columns([1, 1, 3])
    seed = int(cells[0].number_input("Seed of the pairs", 0, MOST, 0, key="seed", bind=LINKED))
    count = int(cells[1].number_input("Pairs", 1, MOST_PAIRS, 16, key="count", bind=LINKED))
    folder = image_pairs_folder(shelf().files_folder, f"{run.name} {run.version}", seed=seed, count=count)
    ended = watch(folder.name, "Drawing the base and the run.")
    if folder.is_dir():
        st.image(str(folder / GRID_FILE))
        st.caption(
            "Rows of the base, each above what the run makes of the same noise, and of the same class or prompt."
        )
        return
    job = jobs().find(folder.name)
    if job is not None and job.running:
        return
    if ended is not None and ended.exit_code:
        complain(ended)
    if st.button("Draw pairs from the same noise", icon=":material/play_arrow:"):
        with messages():
            folder.parent.mkdir(parents=True, exist_ok=True)
            jobs().start(folder.name, image_pair_arguments(str(run.directory.path), folder, seed=seed, count=count))
        st.rerun()


notices = title("Images", "What a run has made: filter, sort, take away.")
every = shelf().runs()
runs = {name: run for name, run in every.items() if makes_images(run)}
asked = st.query_params.get("run")
if asked in every and asked not in runs:
    notices.page_link(
        "gallery.py",
        label=f"The run {plain(asked)} makes molecules, which the page Gallery shows",
        icon=":material/grid_view:",
        query_params={"run": asked},
    )
if not runs:
    st.info("There is no run of images here yet. `molvm train --dataset digits --reward jpeg` starts one.")
    st.stop()
with st.sidebar:
    name = pick("Run", list(runs), forget=("descending",), told=notices)
    with messages():
        table = run_table(runs[name], runs[name].version, name)
    with notices:
        heed("images.py", rules(table))
    chosen = filters(table, minimised=minimises(runs[name]))
left, right = st.columns([5, 1])
shown = f" of the rounds from {first + 1} on" if (first := first_shown(runs[name])) else ""
left.markdown(f"**{len(chosen)}** of {len(table)} images{shown}, valued by {plain(table.reward, 60)}")
right.download_button(
    "PNG",
    lambda: as_zip(table, chosen),
    "images.zip",
    key="download-zip",
    icon=":material/download:",
    width="stretch",
    on_click="ignore",
    disabled=not chosen,
)
if chosen:
    paged(chosen, PER_PAGE, COLUMNS, lambda index: card(table, index))
else:
    st.info("No image passes the filters.")
st.subheader("The base above the run, from the same noise", anchor=False)
from_the_same_noise(runs[name])
