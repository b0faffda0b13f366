"""One file a format: text in, records out, in order; a bad record is a record with a reason."""

from __future__ import annotations
