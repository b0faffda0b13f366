"""A reward computed by a program of its own: it may be written in any language, and needs nothing of molvm.

molvm score examples/ligands.smi --out scores.csv \
    --reward "command('python examples/program.py', name=gyration, unit=Å, direction=minimise)"
"""

from __future__ import annotations

import json
import math
import sys

molecule = json.loads(sys.stdin.readline())
positions = molecule["positions"]
centre = [sum(axis) / len(positions) for axis in zip(*positions, strict=True)]
radius = math.sqrt(sum(math.dist(position, centre) ** 2 for position in positions) / len(positions))
sys.stdout.write(json.dumps({"id": molecule["id"], "value": radius, "details": {"atoms": len(positions)}}) + "\n")
