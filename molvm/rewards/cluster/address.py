"""Where a Dask scheduler is, as one writes it: `dask://host:port`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

from molvm.errors import ConfigError

PROTOCOLS: Final = {"dask": "tcp", "tcp": "tcp", "tls": "tls", "ws": "ws", "wss": "wss"}
"""What an address may begin with, and what Dask calls it."""

DEFAULT_PORT: Final = 8786

DEFAULT_WAIT: Final = 300.0
"""Seconds without any worker before a batch is given up."""

ALLOWED_ADDRESSES: Final = (
    "dask://host:port (tls://host:port with certificates), with ?wait=SECONDS behind it if wanted"
)


@dataclass(frozen=True)
class DaskAddress:
    """A scheduler's address.

    Args:
        url: As Dask wants it, `tcp://host:port`.
        wait: Seconds for which the cluster may be without workers.
    """

    url: str
    wait: float = DEFAULT_WAIT

    @classmethod
    def read(cls, text: str) -> Self:
        """The address in a text such as `dask://login1:8786?wait=3600`; the port is Dask's 8786 by default.

        Raises:
            ConfigError: It is none.
        """
        try:
            parts = urlsplit(text)
            return cls(_url(parts), _wait(parts))
        except ValueError as error:
            raise ConfigError(
                f"The workers {text!r} are neither a number nor the address of a Dask scheduler.",
                allowed=f"a whole number, 1 or more, or {ALLOWED_ADDRESSES}",
            ) from error


def _url(parts: SplitResult) -> str:
    host, port = parts.hostname, parts.port or DEFAULT_PORT
    if not host or parts.scheme not in PROTOCOLS or parts.path.strip("/") or parts.fragment or parts.username:
        raise ValueError("no address")
    return f"{PROTOCOLS[parts.scheme]}://{f'[{host}]' if ':' in host else host}:{port}"


def _wait(parts: SplitResult) -> float:
    options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if set(options) - {"wait"}:
        raise ValueError("unknown options")
    wait = float(options["wait"][-1]) if options else DEFAULT_WAIT
    if not 0 < wait < float("inf"):
        raise ValueError("no time")
    return wait
