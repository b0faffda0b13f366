"""What the address of a page asks for. It is said, never guessed, when there is no such thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from molvm.studio.markup import plain


def pick(label: str, names: Sequence[str], key: str = "run", *, forget: Sequence[str] = ()) -> str:
    """One of the names, chosen by a menu; the first, if the address asks for none.

    Streamlit's own binding leaves a default out of the address, which then leads elsewhere when there is a newer run,
    and draws the default where the address asks for what is not there.

    Args:
        label: Of the menu.
        names: What there is; not empty.
        key: Of the address.
        forget: What else stands in the address and belongs to the name that was chosen before.
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
        _tell(label, [asked])
        st.stop()
    _write(key, [asked])
    return asked


def pick_some(label: str, names: Sequence[str], key: str) -> list[str]:
    """Some of the names, chosen by a menu; the first, if the address asks for none. Arguments as for `pick`."""

    def choose() -> None:
        st.query_params[key] = st.session_state[key]

    asked = st.query_params.get_all(key)
    if asked or key not in st.session_state:
        st.session_state[key] = [name for name in asked or names[:1] if name in names]
    chosen = list(st.multiselect(label, names, key=key, on_change=choose))
    unknown = [name for name in asked if name not in names]
    if unknown:
        _tell(label, unknown)
        st.stop()
    _write(key, chosen)
    return chosen


def require(page: str, bad: Mapping[str, str]) -> None:
    """End the page where its address asks for what cannot be, before a widget draws its default in the place of it.

    Args:
        page: The file of the page.
        bad: Key of the address to what is allowed there.
    """
    if not bad:
        return
    for key, allowed in bad.items():
        st.error(f"The address asks for {plain(key)} = {plain(st.query_params[key], 60)}. Allowed: {plain(allowed)}.")
    if st.button("Take the defaults instead"):
        others = {key: st.query_params.get_all(key) for key in st.query_params if key not in bad}
        st.switch_page(page, query_params=others)
    st.stop()


def _tell(label: str, unknown: Sequence[str]) -> None:
    named = ", ".join(plain(name, 60) for name in unknown)
    st.error(f"The address asks for {named}, which is not here. The menu *{label}* has what is.")


def _drop(keys: Sequence[str]) -> None:
    for key in keys:
        if key in st.query_params:
            del st.query_params[key]


def _write(key: str, values: list[str]) -> None:
    if st.query_params.get_all(key) != values:
        st.query_params[key] = values
