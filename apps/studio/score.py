"""The page *Score*: a file of one's own, and any reward."""

from __future__ import annotations

import secrets

import pandas as pd
import streamlit as st
from addresses import heed
from parts import LINKED, complain, jobs, messages, offered, shelf, title, watch

from molvm.chem.formats.spreadsheet import unguarded
from molvm.errors import MolVMError
from molvm.rewards.description import describe
from molvm.studio.addressed import ANYTHING, SWITCH
from molvm.studio.markup import plain
from molvm.studio.rewards import page_reward
from molvm.studio.scoring import Uploads, score_arguments
from molvm.studio.serving import UPLOAD_MEGABYTES
from molvm.studio.tidying import tidy

SHORT = 12
"""Rows that are all shown at once."""


def chosen_rewards() -> list[str]:
    """The expressions that are chosen and can be used; what is wrong with the others is said."""
    with st.sidebar:
        asked = st.multiselect(
            "Rewards",
            list(offered()),
            default=["qed"],
            key="rewards",
            bind=LINKED,
            accept_new_options=True,
            help="Choose, or write an expression such as product(qed, window(logp, 1, 3)).",
        )
    good = []
    for text in asked:
        try:
            good.append((text, page_reward(text)))
        except MolVMError as error:
            st.error(plain(error))
    with st.sidebar:
        for _, reward in good:
            st.caption(plain(describe(reward)))
    return [text for text, _ in good]


def results(uploads: Uploads, name: str) -> None:
    """A table of scores."""
    with messages():
        path = uploads.table(name)
    texts = ["id", "smiles", "failure", "reason"]
    table = pd.read_csv(path, dtype=dict.fromkeys(texts, str))
    table[texts] = table[texts].fillna("")
    table[["id", "reason"]] = table[["id", "reason"]].map(unguarded)
    wrong = table["failure"] != ""
    failed = int(wrong.sum())
    cells = st.columns(4)
    cells[0].metric("Records", len(table))
    cells[1].metric("Scored", len(table) - failed)
    cells[2].metric("With a failure", failed)
    cells[3].download_button("CSV", path.read_bytes(), "scores.csv", icon=":material/download:", on_click="ignore")
    only = st.toggle("Failures only", key="failures", bind=LINKED)
    rows = table[wrong] if only else table
    height = "content" if len(rows) <= SHORT else 460
    st.dataframe(rows, hide_index=True, height=height, column_config={"reason": st.column_config.Column(width="large")})


title("Score", "Molecules of your own, scored in processes of their own. They stay on this machine.")
heed("score.py", {"rewards": ANYTHING, "scores": ANYTHING, "failures": SWITCH})
uploads = Uploads(shelf().files_folder)
rewards = chosen_rewards()
given = st.file_uploader(
    f"A molecule file, up to {UPLOAD_MEGABYTES} MB", type=uploads.endings(), max_upload_size=UPLOAD_MEGABYTES
)
if st.button("Score", type="primary", icon=":material/rule:", disabled=given is None or not rewards) and given:
    with messages():
        tidy(uploads.folder, jobs().running)
        token = secrets.token_hex(6)
        source, out = uploads.keep(token, given.name, given.getvalue())
        jobs().start(f"score-{token}", score_arguments(source, rewards, out), {str(source): given.name})
    st.query_params["scores"] = token
    st.rerun()
token = st.query_params.get("scores", "")
if token:
    job = watch(f"score-{token}", "Scoring.")
    running = jobs().find(f"score-{token}")
    if (running is None or not running.running) and (job is None or not complain(job)):
        results(uploads, token)
