from __future__ import annotations

import pytest

from molvm.errors import ConfigError
from molvm.rewards.cluster.address import DaskAddress


@pytest.mark.parametrize(
    ("written", "url", "wait"),
    [
        ("dask://login1:8787", "tcp://login1:8787", 300.0),
        ("dask://10.0.0.1", "tcp://10.0.0.1:8786", 300.0),
        ("dask://[::1]:9000?wait=3600", "tcp://[::1]:9000", 3600.0),
        ("tcp://host:1/", "tcp://host:1", 300.0),
        ("tls://host:8786?wait=0.5", "tls://host:8786", 0.5),
    ],
)
def test_addresses_are_read(written: str, url: str, wait: float) -> None:
    assert DaskAddress.read(written) == DaskAddress(url, wait)


@pytest.mark.parametrize(
    "written",
    [
        "host:8786",
        "http://host:8786",
        "dask://",
        "dask://host:port",
        "dask://host:99999",
        "dask://host/path",
        "dask://me@host",
        "dask://host?wait=",
        "dask://host?wait=soon",
        "dask://host?wait=-1",
        "dask://host?wait=inf",
        "dask://host?wiat=3",
        "",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match=r"dask://host:port"):
        DaskAddress.read(written)
