"""What the address of a page asks for. It is said, never guessed, when there is no such thing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from molvm.studio.addressed import Rule, refusals, strangers
from molvm.studio.markup import plain

MOST_KEYS = 24
"""Keys of an address that are listed."""


def pick(
    label: str,
    names: Sequence[str],
    key: str = "run",
    *,
    forget: Sequence[str] = (),
    told: DeltaGenerator | None = None,
) -> str:
    """One of the names, chosen by a menu; the first, if the address asks for none.

    Streamlit's own binding leaves a default out of the address, which then leads elsewhere when there is a newer run,
    and draws the default where the address asks for what is not there.

    Args:
        label: Of the menu.
        names: What there is; not empty.
        key: Of the address.
        forget: What else stands in the address and belongs to the name that was chosen before.
        told: Where it is said that there is no such thing; beside the menu if not given.
    """

    def choose() -> None:
        _drop([key, *forget])
        if (name := st.session_state[key]) is not None:
            st.query_params[key] = name

    asked = st.query_params.get(key, names[0])
    there = asked in names
    st.session_state[key] = asked if there else None
    st.selectbox(label, names, index=0 if there else None, key=key, on_change=choose, placeholder="Choose one")
    if not there:
        _tell(label, [asked], told)
        st.stop()
    _write(key, [asked])
    return asked


def pick_some(label: str, names: Sequence[str], key: str, *, of: str) -> list[str]:
    """Some of the names, chosen by a menu; the first, if the address asks for none.

    Args:
        label: Of the menu.
        names: What there is.
        key: Of the address.
        of: Another key of the address, whose value is one of those chosen; it goes when that one is chosen no more.
    """

    def choose() -> None:
        st.query_params[key] = st.session_state[key]
        if st.query_params.get(of) not in st.session_state[key]:
            _drop([of])

    asked = st.query_params.get_all(key)
    if asked or key not in st.session_state:
        st.session_state[key] = [name for name in asked or names[:1] if name in names]
    chosen = list(st.multiselect(label, names, key=key, on_change=choose))
    unknown = [name for name in asked if name not in names]
    if unknown:
        _tell(label, unknown, None)
        st.stop()
    _write(key, chosen)
    return chosen


def switch(label: str, key: str, *, default: bool) -> bool:
    """A toggle whose default depends on what is shown: until it is turned the address says nothing, and it follows.

    Args:
        label: Of the toggle.
        key: Of the address, followed by true or false.
        default: What it is until it is turned.
    """

    def turn() -> None:
        st.query_params[key] = str(st.session_state[key]).lower()

    asked = st.query_params.get(key)
    st.session_state[key] = default if asked is None else asked.lower() == "true"
    return st.toggle(label, key=key, on_change=turn)


def heed(page: str, rules: Mapping[str, Rule]) -> None:
    """Say what the address asks for in vain: keys that nobody knows, and then, ending the page, what cannot be.

    Called before the widgets are drawn, which would put a default in the place of it. Of a widget that has been drawn
    the address says what it shows, or what another source has made of that.

    Args:
        page: The file of the page.
        rules: All keys that the page knows.
    """
    asked = {key: st.query_params.get_all(key) for key in st.query_params if key not in st.session_state}
    if unknown := strangers(rules, asked):
        named = ", ".join(_with_nearest(key, rules) for key in unknown)
        known = ", ".join(plain(key) for key in list(rules)[:MOST_KEYS])
        more = ", …" if len(rules) > MOST_KEYS else ""
        st.warning(f"The address says what this page does not know: {named}. It is ignored. Known: {known}{more}.")
    require(page, rules)


def require(page: str, rules: Mapping[str, Rule]) -> None:
    """End the page where its address asks for what cannot be; arguments as for `heed`, some of the keys."""
    asked = {key: st.query_params.get_all(key) for key in st.query_params if key not in st.session_state}
    bad = refusals(rules, asked)
    if not bad:
        return
    for key, allowed in bad.items():
        given = ", ".join(plain(text, 60) for text in asked[key])
        st.error(f"The address asks for {plain(key)} = {given}. Allowed: {plain(allowed)}.")
    if st.button("Take the defaults instead"):
        others = {key: st.query_params.get_all(key) for key in st.query_params if key not in bad}
        st.switch_page(page, query_params=others)
    st.stop()


def _with_nearest(key: str, known: Mapping[str, Rule]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    return plain(key, 60) + (f" (did you mean {plain(near[0])}?)" if near else "")


def _tell(label: str, unknown: Sequence[str], place: DeltaGenerator | None) -> None:
    named = ", ".join(plain(name, 60) for name in unknown)
    (place or st.container()).error(f"The address asks for {named}, which is not here. The menu *{label}* has what is.")


def _drop(keys: Sequence[str]) -> None:
    for key in keys:
        if key in st.query_params:
            del st.query_params[key]


def _write(key: str, values: list[str]) -> None:
    if st.query_params.get_all(key) != values:
        st.query_params[key] = values
