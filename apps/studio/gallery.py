"""The page *Gallery*: molecules drawn flat, filtered, sorted, selected and taken away."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from addresses import heed, require, switch
from parts import LINKED, messages, minimises, paged, pick_source, shelf, title

from molvm.chem.depiction import blank, drawing
from molvm.datasets.registry import is_built, load_dataset
from molvm.evaluation import known_smiles
from molvm.studio.addressed import ANYTHING, SWITCH, Rule, one_of, some_of, span, whole
from molvm.studio.markup import plain, rounded
from molvm.studio.molecule_table import RESERVED, Filter, MoleculeTable, as_csv, as_sdf, as_smiles, ordered
from molvm.studio.ranges import limits

COLUMNS = 4
PER_PAGE = 24
TRAINING_SETS = ("qm9", "drugs")
ANY_SET = "anything goes"
RANGE = "range "


@st.cache_resource(show_spinner="Reading the training set …")
def training_set(name: str) -> frozenset[str]:
    return known_smiles(load_dataset(name))


def rules(table: MoleculeTable, columns: list[str]) -> dict[str, Rule]:
    """What the address may ask for."""
    asked = [name for name in st.query_params.get_all("ranges") if name in table.numbers]
    return {
        **dict.fromkeys(("run", "selected", "smarts"), ANYTHING),
        **dict.fromkeys(("descriptors", "descending", "scored", "valid", "distinct"), SWITCH),
        "sort": one_of(columns),
        "page": whole(1),
        "novel": one_of([ANY_SET, *built_sets()]),
        "ranges": some_of(table.numbers),
        **{f"{RANGE}{name}": span(*limits(table.rows[name])[:2]) for name in asked},
    }


def filters(table: MoleculeTable) -> Filter:
    """What the widgets in the sidebar ask for."""
    smarts = st.text_input("Substructure (SMARTS)", key="smarts", bind=LINKED, placeholder="[OX2H]", max_chars=300)
    scored = st.checkbox("Without failure", key="scored", bind=LINKED)
    sound = st.checkbox("Strictly valid, in one piece", key="valid", bind=LINKED)
    distinct = st.checkbox("One of each SMILES", key="distinct", bind=LINKED)
    ranges = {}
    for column in st.multiselect("Ranges of", table.numbers, key="ranges", bind=LINKED):
        low, high, step = limits(table.rows[column])
        if low < high:
            ranges[column] = st.slider(
                column, low, high, (low, high), step, format="%g", key=f"{RANGE}{column}", bind=LINKED
            )
    return Filter(ranges, smarts, sound, scored, known(), distinct)


def built_sets() -> list[str]:
    """The training sets that are there to compare with."""
    return [name for name in TRAINING_SETS if is_built(name)]


def known() -> frozenset[str] | None:
    """The SMILES that are not new, if only new molecules are asked for."""
    built = built_sets()
    chosen = st.selectbox(
        "New with respect to",
        [ANY_SET, *built],
        key="novel",
        bind=LINKED,
        help="Datasets that are built here; `molvm data` makes them.",
    )
    return training_set(chosen) if chosen in built else None


def described(table: MoleculeTable) -> MoleculeTable:
    """With descriptors. Another choice on the page interrupts the computation, which then goes on where it was."""
    place = st.empty()
    found = table.described(lambda done, total: place.progress(done / total, f"Descriptors: {done} of {total}"))
    place.empty()
    return found


def toggle(name: str) -> None:
    """Select a molecule, or no longer."""
    picked = selection()
    picked.symmetric_difference_update([name])
    st.query_params["selected"] = sorted(picked)


def selection() -> set[str]:
    """The ids that are selected; they stand in the address."""
    return set(st.query_params.get_all("selected"))


def card(table: MoleculeTable, index: int, source: str, column: str, *, picked: bool) -> None:
    """One molecule."""
    row, molecule, name = table.rows.loc[index], table.molecules[index], table.ids[index]
    with st.container(border=True, gap="xsmall"):
        st.image(blank(260, 170) if molecule is None else drawing(molecule, 260, 170), width="stretch")
        value = row.get(column)
        given = table.fields_of(index).get(column) if column not in RESERVED else None
        number = rounded(value) if given is None and isinstance(value, float | int) else plain(given or value, 30)
        failure = row["failure"]
        note = f":orange[{plain(row['stage'], 30)}]" if isinstance(failure, str) else plain(row["formula"], 40)
        unit = f" {plain(table.unit)}" if table.unit and column == table.reward and pd.notna(value) else ""
        st.markdown(f"**{plain(column)} {number}{unit}**")
        reason = row["reason"]
        lost = f" · :orange[{plain(reason, 40)}]" if isinstance(reason, str) and not isinstance(failure, str) else ""
        st.caption(f"{note} · {int(row['atoms'])} atoms{lost}", help=plain(row["smiles"] or reason))
        left, right = st.columns([3, 2], vertical_alignment="center")
        st.session_state[f"pick {name}"] = picked  # as the address says, whatever was drawn here before
        left.checkbox(plain(name, 24), key=f"pick {name}", on_change=toggle, args=(name,))
        if molecule is not None:
            right.page_link(
                "molecule.py", label="3D", icon=":material/view_in_ar:", query_params={"run": source, "id": name}
            )


def select_none() -> None:
    """Select no molecule."""
    st.query_params.pop("selected", None)


def selected_rows(table: MoleculeTable, order: list[int], chosen: list[int], selected: set[str]) -> list[int]:
    """The rows that are selected, also those that a filter hides, which is said."""
    if not selected:
        return []
    picked = [index for index in order if table.ids[index] in selected]
    hidden, missing = len(set(picked) - set(chosen)), len(selected) - len(picked)
    notes = [f"The filters hide {hidden} of the selected molecules; they are taken away too."] if hidden else []
    verb = "is" if missing == 1 else "are"
    notes += [f"{missing} of the selected molecules {verb} not here."] if missing else []
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Select none", on_click=select_none)
        for note in notes:
            st.caption(f":orange[{note}]", width="content")
    return picked


def exports(table: MoleculeTable, chosen: list[int], source: str, picked: list[int]) -> None:
    """What is selected, or else what is shown, as files."""
    wanted = picked or chosen
    what = f"{len(picked)} selected" if picked else f"{len(chosen)} shown"
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in source) or "molecules"
    places = st.columns([3, 1, 1, 1], vertical_alignment="center")
    places[0].markdown(f"**{len(chosen)}** of {len(table)} molecules · take away the {what}")
    for place, kind, write in zip(places[1:], ("sdf", "csv", "smi"), (as_sdf, as_csv, as_smiles), strict=True):
        place.download_button(
            kind.upper().replace("SMI", "SMILES"),
            lambda write=write: write(table, wanted),
            f"{stem}.{kind}",
            key=f"download-{kind}",
            icon=":material/download:",
            width="stretch",
            on_click="ignore",
        )


notices = title("Gallery", "Molecules of a run or a file: filter, sort, select, take away.")
here = shelf()
with st.sidebar:
    source, table = pick_source(here, notices)
    with notices:
        require("gallery.py", {"descriptors": SWITCH})
    if st.toggle("QED, logP, accessibility", key="descriptors", bind=LINKED):
        table = described(table)
    columns = table.numbers or ["atoms"]
    with notices:
        heed("gallery.py", rules(table, columns))
    first = columns.index(table.reward) if table.reward in columns else 0
    by = st.selectbox("Sort by", columns, index=first, key="sort", bind=LINKED)
    run = here.runs().get(source)
    minimised = by == table.reward and minimises(run)
    descending = switch("Largest first", "descending", default=not minimised)
    wanted = filters(table)
with messages():
    order = ordered(table, by, descending=descending)
    chosen = wanted(table, order)
if table.truncated:
    st.caption(f"The file is longer; these are its first {len(table)} records. The page *Score* takes all of them.")
selected = selection()
exports(table, chosen, source, selected_rows(table, order, chosen, selected))
if not chosen:
    st.info("No molecule passes the filters.")
    st.stop()
paged(
    chosen,
    PER_PAGE,
    COLUMNS,
    lambda index: card(table, index, source, by, picked=table.ids[index] in selected),
)
