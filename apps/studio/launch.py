"""The page *Launch*: a run of one's own, in a process of its own."""

from __future__ import annotations

from typing import Any

import streamlit as st
from addresses import heed, require
from parts import LINKED, complain, jobs, messages, offered, shelf, title, watch

from molvm.programs.pasted import pasted
from molvm.runs.objective_sections import OBJECTIVES
from molvm.runs.recipes import PAPER, own_recipe, recipes_for
from molvm.studio.addressed import ANYTHING, one_of
from molvm.studio.base_models import offered_models
from molvm.studio.launch_form import MAIN, Entry, changed, entries, launch_arguments, settings_of
from molvm.studio.markup import plain
from molvm.studio.shelf import Shelf

WORDS = {
    "model.name": "base model",
    "reward.name": "reward",
    "training.strength": "strength λ",
    "value.size": "value network",
}


def suggestions(key: str) -> dict[str, str]:
    """What the field of a setting offers besides what is typed, and what each means; nothing for most."""
    return {"model.name": offered_models, "reward.name": offered}.get(key, dict)()


def suggest(entry: Entry, label: str, names: dict[str, str], **common: Any) -> str:
    """A field that offers names and takes any text; below it what the name that stands there means."""
    listed = "\n".join(f"- `{name}` {plain(meaning)}" for name, meaning in names.items())
    common["help"] = f"{common['help']}\n\n{listed}"
    options = list(dict.fromkeys([str(entry.default), *names]))
    chosen = str(st.selectbox(label, options, accept_new_options=True, **common))
    if chosen in names:
        st.caption(plain(names[chosen]))
    return chosen


def ask(entry: Entry) -> Any:
    """A widget for a setting; None where it is left unset."""
    common: dict[str, Any] = {"key": entry.key, "help": plain(entry.description), "bind": LINKED}
    label = WORDS.get(entry.key, entry.label)
    if entry.kind == "choice":
        choices = list(entry.choices)
        return st.selectbox(label, choices, index=choices.index(str(entry.default)), **common)
    if entry.kind == "switch":
        return st.toggle(label, bool(entry.default), **common)
    if entry.kind == "whole":
        low = None if entry.low is None else int(entry.low)
        given = st.number_input(label, value=entry.default, step=1, min_value=low, **common)
        return None if given is None else int(given)
    if entry.kind == "number":
        given = st.number_input(label, value=entry.default, format="%g", **common)
        return None if given is None else float(given)
    if entry.key == "model.name":
        common["on_change"] = take_own_recipe
    if names := suggestions(entry.key):
        return suggest(entry, label, names, **common)
    return st.text_input(label, "" if entry.default is None else str(entry.default), **common)


def take_recipe() -> None:
    """Let the form show the settings of the recipe that was chosen, or the defaults."""
    for entry in entries(st.session_state["objective"], st.session_state["recipe"]):
        st.session_state[entry.key] = entry.default


def take_own_recipe() -> None:
    """Begin with what the base model that was chosen is trained with, unless another recipe was chosen."""
    own = own_recipe(st.session_state["model.name"])
    if own == PAPER or st.session_state["recipe"] is not None:
        return
    st.session_state["recipe"] = own
    objective = st.session_state["objective"]
    for before, entry in zip(entries(objective), entries(objective, own), strict=True):
        if entry.default != before.default:
            st.session_state[entry.key] = entry.default


def leave_recipe() -> None:
    """Let go of a recipe that has no settings for the algorithm that was chosen, and of its settings."""
    if st.session_state["recipe"] not in recipes_for(st.session_state["objective"]):
        st.session_state["recipe"] = None
        take_recipe()


def form(found: list[Entry]) -> dict[str, Any]:
    """All settings: those that most runs set, and the others below a fold, section by section."""
    values: dict[str, Any] = {}
    main = sorted((entry for entry in found if entry.key in MAIN), key=lambda entry: MAIN.index(entry.key))
    for start in range(0, len(main), 4):
        for place, entry in zip(st.columns(4), main[start : start + 4], strict=False):
            with place:
                values[entry.key] = ask(entry)
    with st.expander("All other settings"):
        others = [entry for entry in found if entry.key not in MAIN]
        for section in dict.fromkeys(entry.key.partition(".")[0] for entry in others):
            st.markdown(f"**{section}**")
            mine = [entry for entry in others if entry.key.startswith(f"{section}.")]
            for start in range(0, len(mine), 4):
                for place, entry in zip(st.columns(4), mine[start : start + 4], strict=False):
                    with place:
                        values[entry.key] = ask(entry)
    return values


def under_way(here: Shelf, name: str) -> None:
    """How the run of that name stands, if it was started here."""
    job = watch(name, "Training.")
    current = jobs().find(name)
    if current is None:
        return
    if name in here.runs():
        st.page_link("runs.py", label="Its curves", icon=":material/show_chart:", query_params={"run": name})
    if current.running:
        return
    if job is not None and job.exit_code in (130, 143):
        st.success("Stopped, with a whole checkpoint. Go on with:")
        st.code(pasted("molvm train --resume", here.root / name), language="bash", wrap_lines=True)
    elif job is not None and job.stopped and name not in here.runs():
        st.info("Stopped before the run had begun; nothing was written.")
    elif job is not None and not complain(job):
        st.success("The run is finished.")


title("Launch", "A run in a process of its own. It goes on when this page, or the studio, is closed.")
here = shelf()
cells = st.columns([2, 1, 1])
name = cells[0].text_input("Name of the run", key="name", bind=LINKED, placeholder="dipole-6", max_chars=100)
require("launch.py", {"objective": one_of(OBJECTIVES)})
objective = cells[1].selectbox("Algorithm", list(OBJECTIVES), key="objective", bind=LINKED, on_change=leave_recipe)
recipes = recipes_for(objective)
require("launch.py", {"recipe": one_of(recipes)})
recipe = cells[2].selectbox(
    "Recipe",
    recipes,
    index=None,
    key="recipe",
    bind=LINKED,
    placeholder="none",
    on_change=take_recipe,
    help="Settings that belong together, which the form then begins with; `molvm init --recipe` writes them to a file.",
)
asked = entries(objective, recipe)
heed(
    "launch.py",
    {"name": ANYTHING, "objective": ANYTHING, "recipe": ANYTHING, **{entry.key: entry.rule for entry in asked}},
)
values = form(asked)
with messages():
    config = settings_of(values, objective)
    out = here.place_for(name) if name else None
differing = changed(config, recipe)
if differing:
    st.caption(
        f"Not {'as in the recipe' if recipe else 'the defaults'}: "
        + ", ".join(f"{plain(key)} = {plain(value)}" for key, value in differing.items())
    )
busy = name in jobs().by_name and jobs().by_name[name].running
if (
    st.button("Start", type="primary", icon=":material/rocket_launch:", disabled=out is None or busy)
    and out is not None
):
    with messages():
        argv = launch_arguments(config, here.files_folder / "launched" / f"{name}.toml", out)
        jobs().start(name, argv)
    st.rerun()
if name:
    under_way(here, name)
