"""Names of files as a page, a terminal and JSON can have them."""

from __future__ import annotations


def legible(name: object) -> str:
    r"""The text of something, with the bytes of a file's name that are not UTF-8 written as `\xff`."""
    text = str(name)
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a pair, which no file system has made
        return text.encode("utf-8", "backslashreplace").decode()


def is_legible(name: object) -> bool:
    """Whether all of it is UTF-8."""
    return legible(name) == str(name)
