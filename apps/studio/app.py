"""The studio: what the pages have in common."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

st.set_page_config(page_title="molvm studio", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")

PAGES = [
    st.Page("runs.py", title="Runs", icon=":material/show_chart:", default=True),
    st.Page("gallery.py", title="Gallery", icon=":material/grid_view:"),
    st.Page("images.py", title="Images", icon=":material/photo_library:"),
    st.Page("molecule.py", title="Molecule", icon=":material/hub:"),
    st.Page("trajectory.py", title="Trajectory", icon=":material/timeline:"),
    st.Page("compare.py", title="Compare", icon=":material/compare_arrows:"),
    st.Page("score.py", title="Score", icon=":material/rule:"),
    st.Page("launch.py", title="Launch", icon=":material/rocket_launch:"),
]

st.html(
    "<style>.block-container{padding-top:3.2rem;padding-bottom:3rem;max-width:1320px}"
    "[data-testid=stMetricValue]{font-size:1.5rem}[data-testid=stImage] img{width:100%}</style>"
)
st.navigation(PAGES).run()
