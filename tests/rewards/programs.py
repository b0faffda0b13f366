"""A program for the tests of `command`: answers as the molecule's id asks it to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    how, good = asked["id"].split("-")[0], {"id": asked["id"], "value": len(asked["elements"])}
    match how:
        case "hang":
            time.sleep(3600)
        case "family":
            subprocess.Popen([sys.executable, "-c", f"import time; time.sleep(3600)  # {sys.argv[1]}"])
            time.sleep(3600)
        case "flood":
            while True:
                sys.stdout.write("x" * 65536)
        case "crash":
            sys.stderr.write("out of cheese\n")
            sys.stderr.flush()
            os._exit(7)
        case "silent":
            return
        case "chatter":
            sys.stdout.write("Welcome to the program\n")
        case "garbage":
            sys.stdout.write("3.5 kcal/mol\n")
            return
        case "other":
            good["id"] = "somebody else"
        case "nan":
            good["value"] = float("nan")
        case "text":
            good["value"] = "3"
        case "fail":
            good = {"id": asked["id"], "failure": "no pose found"}
        case "details":
            good["details"] = {"pose": 3, "smiles": asked["smiles"]}
        case "litter":
            Path("left_behind").write_text("x")
            good["details"] = {"folder": str(Path.cwd()), "files": str(sorted(path.name for path in Path().iterdir()))}
    sys.stdout.write(json.dumps(good) + "\n")


if __name__ == "__main__":
    main()
