"""What the studio's pages show, without drawing it. Imports no torch; the pages are in `apps/studio`."""

from __future__ import annotations
