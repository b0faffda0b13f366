from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright

from molvm.chem.formats.sdf import sdf_text
from molvm.chem.io import write_sdf
from tests.conftest import Command
from tests.studio.hostile import write_hostile
from tests.studio.many import images, peptide, qm9_molecules, write_run

CHROMIUM = "/usr/bin/chromium"

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WIDTH, HEIGHT = 1360, 950
"""Of a page, pixels."""

PATIENCE = 60_000
"""Milliseconds."""

MOLECULES = 1_000

MANY = 10_000

SHOT = bool(os.environ.get("MOLVM_SCREENSHOTS"))
"""Whether docs/screenshots is drawn anew, from a run that is long enough to get somewhere; it takes minutes more."""

ROUNDS = 16 if SHOT else 4

BATCH = 32 if SHOT else 8
"""Molecules a round."""

LONG = (
    "--recipe few-labels --strength 0.4 --steps 24 --set training.warmup=4 --set training.learning_rate=2e-3 "
    "--set training.updates=16"
)
QUICK = "--strength 0.4 --steps 10 --value-size A --set training.warmup=2"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, molvm_command: Command) -> Path:
    """A folder with a real run of molecules, one of images, and a hostile file."""
    root = tmp_path_factory.mktemp("runs", numbered=False)
    settings = f"--dataset qm9 --reward tpsa --iterations {ROUNDS} --batch-size {BATCH} {LONG if SHOT else QUICK}"
    settings += " --set sampling.transition=analytic_variance"
    done = molvm_command("train", *settings.split(), "--out", root / "tpsa", timeout=600)
    assert done.returncode == 0, done.stderr
    digits = "--dataset digits --reward jpeg --iterations 3 --batch-size 32 --steps 30 --value-size A"
    done = molvm_command("train", *digits.split(), "--out", root / "digits", timeout=300)
    assert done.returncode == 0, done.stderr
    write_hostile(root / "hostile.sdf")
    return root


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs and files of a thousand molecules, a file of ten thousand, and one of large ones."""
    root = tmp_path_factory.mktemp("crowded")
    thousand = qm9_molecules(MOLECULES)
    write_run(root / "images", images(MOLECULES), 100)
    write_run(root / "thousand", thousand, 100)
    write_sdf(root / "thousand.sdf", thousand)
    texts = [sdf_text(molecule) for molecule in thousand]
    (root / "many.sdf").write_text("".join(islice(cycle(texts), MANY)), encoding="utf-8")
    write_sdf(root / "large.sdf", [peptide()] * 30)
    scores = root / ".studio" / "scores"
    scores.mkdir(parents=True)
    rows = [f"m{number},C,0.5,,,0.1" for number in range(MOLECULES)]
    (scores / "abc.csv").write_text("\n".join(["id,smiles,qed,failure,reason,seconds", *rows]) + "\n")
    return root


@contextmanager
def served(root: Path, environment: dict[str, str]) -> Iterator[str]:
    """Where the studio is served, by the command line."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    studio = subprocess.Popen(
        [sys.executable, "-m", "molvm.cli", "app", str(root), "--port", str(port)], env=environment
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        studio.terminate()
        studio.wait(30)


@pytest.fixture(scope="session")
def address(runs: Path, molvm_environment: dict[str, str]) -> Iterator[str]:
    """The studio of the real runs."""
    with served(runs, molvm_environment) as found:
        yield found


@pytest.fixture(scope="session")
def crowded_address(crowded: Path, molvm_environment: dict[str, str]) -> Iterator[str]:
    """The studio of many molecules."""
    with served(crowded, molvm_environment) as found:
        yield found


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5)  # noqa: S310 - of this machine
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Studio:
    """A page of the studio, and whatever went wrong in it."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to a page and wait until it is drawn."""
        self.page.goto(f"{self.address}/{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the script has run and nothing is a placeholder any more."""
        expect(self.page.locator("h1").first).to_be_visible()
        app = self.page.locator("[data-testid=stApp]")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator("[data-testid=stSkeleton]")).to_have_count(0)
        expect(self.page.locator("[data-testid=stSpinner]")).to_have_count(0)

    def shoot(self, folder: Path, name: str, height: int = HEIGHT) -> None:
        """A screenshot for the documentation, so many pixels high."""
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.mouse.move(680, 20)
        self.page.wait_for_timeout(600)
        self.page.screenshot(path=folder / f"{name}.png")

    def watch(self) -> None:
        """Take note of errors, and of requests that leave this machine."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # A missing file is told by its response, with its address.
        if message.type == "error" and "404" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.complaints.append(f"request: {request.url}")

    def _response(self, response: Response) -> None:
        # Streamlit looks for its server below the address of the page first.
        if response.status >= 400 and "/_stcore/" not in response.url:
            self.complaints.append(f"{response.status}: {response.url}")


@pytest.fixture
def studio(browser: Browser, address: str) -> Iterator[Studio]:
    """A fresh page; afterwards nothing has gone wrong in it, and nothing has left this machine."""
    yield from watched(browser, address)


@pytest.fixture
def crowded_studio(browser: Browser, crowded_address: str) -> Iterator[Studio]:
    """The same, of many molecules."""
    yield from watched(browser, crowded_address)


def watched(browser: Browser, address: str) -> Iterator[Studio]:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    found = Studio(page, address)
    found.watch()
    yield found
    page.close()
    assert found.complaints == []


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Where pictures go: to docs/screenshots when MOLVM_SCREENSHOTS is set, else they are thrown away."""
    if SHOT:
        return request.config.rootpath / "docs" / "screenshots"
    return tmp_path_factory.mktemp("screenshots")
