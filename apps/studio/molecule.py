"""The page *Molecule*: one of them, from all sides."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from addresses import heed, pick
from parts import LINKED, judged, messages, minimises, pick_source, shelf, title, viewer
from streamlit.delta_generator import DeltaGenerator

from molvm.chem.depiction import drawing
from molvm.chem.molecule import Molecule
from molvm.chem.scenes import ANGSTROM_PER_DEBYE, still
from molvm.errors import MissingDependencyError
from molvm.evaluation.posebusters import all_tests
from molvm.rewards.base import Outcome
from molvm.studio.addressed import ANYTHING, SWITCH
from molvm.studio.closeup import Closeup, dipole_of
from molvm.studio.markup import plain
from molvm.studio.molecule_table import MoleculeTable, as_sdf, ordered
from molvm.studio.properties import property_rows

WIDTHS = {
    "property": st.column_config.TextColumn(width=150),
    "value": st.column_config.TextColumn(width=130),
    "origin": st.column_config.TextColumn(width=130),
}
"""Pixels; what is longer is cut with an ellipsis."""


HEIGHT = 560
"""Pixels of the 3D picture, which stands beside a drawing and a long table."""


def picture(molecule: Molecule, close: Outcome | None, origin: str, *, overlay: bool, arrow: bool) -> None:
    """The molecule in 3D, and where its positions are from."""
    relaxed = None if close is None or not overlay else close.positions
    dipole = None if close is None or not arrow else dipole_of(close.details)
    viewer(still(molecule, relaxed, dipole, HEIGHT), key="molecule")
    told = [f"Elements in their usual colours: {origin}."]
    if relaxed is not None:
        told.append(":orange[Orange]: relaxed with GFN-FF, superposed.")
    if dipole is not None:
        told.append(f":violet[Arrow]: dipole, from − to +, {ANGSTROM_PER_DEBYE:g} Å a debye, beside the molecule.")
    st.caption(" ".join(told))
    if close is not None and close.failure is not None:
        st.warning(f"Not relaxed. {plain(close.failure.stage)}: {plain(close.failure.reason)}")


def poses(molecule: Molecule) -> None:
    """What PoseBusters says, test by test."""
    try:
        tests = all_tests()
    except MissingDependencyError as error:
        st.info(plain(error))
        return
    outcomes = [judged(test, molecule, slow=True) for test in tests]
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome is None:
            st.info("PoseBusters is at work. Its slowest test embeds the molecule fifty times.")
        elif outcome.failure is not None:
            rows.append({"test": outcome.failure.stage, "passed": False, "remark": outcome.failure.reason})
        if outcome is not None:
            rows += [{"test": name.replace("_", " "), "passed": bool(value)} for name, value in outcome.details.items()]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")


def origin_of(table: MoleculeTable, index: int) -> str:
    """Where the positions of a molecule are from."""
    if table.reward:
        return "as generated"
    return "embedded by ETKDG, as the file has no positions in 3D" if index in table.embedded else "as in the file"


def select(table: MoleculeTable, notices: DeltaGenerator, *, minimised: bool) -> int:
    """The row of the molecule, chosen by a menu that begins with the best."""
    column = table.reward or (table.numbers or ["atoms"])[0]
    best_first = ordered(table, column, descending=not minimised)
    order = [index for index in best_first if table.molecules[index] is not None]
    if not order:
        st.info("There is no molecule here.")
        st.stop()
    rows = {table.ids[index]: index for index in order}
    return rows[pick("Molecule, the best first", list(rows), "id", told=notices)]


notices = title("Molecule", "As it is, relaxed, and what is known of it.")
heed(
    "molecule.py",
    {"run": ANYTHING, "id": ANYTHING, **dict.fromkeys(("relax", "overlay", "dipole", "posebusters"), SWITCH)},
)
with st.sidebar:
    here = shelf()
    source, table = pick_source(here, notices)
    index = select(table, notices, minimised=minimises(here.runs().get(source)))
    close_up = st.toggle("Relax, compute the dipole", True, key="relax", bind=LINKED)
    overlay = st.toggle("Show the relaxed geometry", True, key="overlay", bind=LINKED, disabled=not close_up)
    arrow = st.toggle("Show the dipole", True, key="dipole", bind=LINKED, disabled=not close_up)
    busters = st.toggle("PoseBusters", False, key="posebusters", bind=LINKED)
molecule = table.molecules[index]
assert molecule is not None
row = table.rows.loc[index]
left, right = st.columns([5, 4], gap="medium")
with right:
    st.image(drawing(molecule, 360, 220), width="stretch")
    if isinstance(row["smiles"], str):
        st.code(row["smiles"], language=None, wrap_lines=True)
    else:
        st.warning("RDKit cannot sanitise it; it has no SMILES.")
    st.download_button("SDF", as_sdf(table, [index]), "molecule.sdf", icon=":material/download:", on_click="ignore")
with left, messages():
    close = judged(Closeup(), molecule) if close_up else None
    picture(molecule, close, origin_of(table, index), overlay=overlay, arrow=arrow)
    if close_up and close is None:
        st.info(f"Relaxing {molecule.n_atoms} atoms. The page is drawn anew when that is done.")
with right:
    rows = property_rows(row.to_dict(), molecule, close, table.reward, table.fields_of(index), unit=table.unit)
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", column_config=WIDTHS)
if busters:
    st.subheader("PoseBusters", anchor=False)
    poses(molecule)
