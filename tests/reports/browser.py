"""A headless Chromium that takes pictures of pages and measures how they are laid out."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

# asked of the page once it is laid out; the answer is left in the document, which the browser prints
_SCRIPT = """
const lines = cell => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getClientRects().length;
};
const wide = [...document.querySelectorAll('.wide')];
const answer = {
  width: document.documentElement.scrollWidth,
  view: document.documentElement.clientWidth,
  headings: [...document.querySelectorAll('h2')].map(h => getComputedStyle(h).color),
  empty: [...document.querySelectorAll('section')].filter(s => s.offsetHeight < 60).map(s => s.id),
  pictures: [...document.images].map(i => [i.alt, i.complete, i.naturalWidth, i.naturalHeight, i.offsetWidth]),
  scrolled: wide.filter(w => w.scrollWidth > w.clientWidth + 1).map(w => w.querySelector('caption').textContent),
  broken: [...document.querySelectorAll('td.d')].filter(d => lines(d) > 1).length,
  dates: document.querySelectorAll('td.d').length,
};
document.body.setAttribute('data-answer', JSON.stringify(answer));
"""
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


class Browser:
    """Chromium without a window.

    Parameters
    ----------
    folder : Path
        For its profile and for pages.
    """

    def __init__(self, folder: Path) -> None:
        names = ("chromium", "chromium-browser", "google-chrome")
        found = next((path for name in names if (path := shutil.which(name))), None)
        if found is None:
            pytest.skip("no Chromium is installed: apt-get install chromium")
        self.path, self.folder = found, folder

    def shoot(self, page: Path, size: tuple[int, int] = (1200, 2400)) -> tuple[Path, str]:
        """Take a picture of a page: the picture's path, and what the browser wrote to its log."""
        shot = page.with_suffix(".png")
        options = ["--enable-logging=stderr", "--hide-scrollbars", f"--screenshot={shot}"]
        return shot, self._run(page, size, options).stderr

    def measure(self, page: Path, width: int) -> dict[str, Any]:
        """Lay a page out and measure it. The page forbids scripts: a copy without that policy is measured."""
        copy = self.folder / f"measured-{width}.html"
        text = _POLICY.sub("", page.read_text("utf-8"))
        copy.write_text(text.replace("</body>", f"<script>{_SCRIPT}</script></body>"), "utf-8")
        printed = self._run(copy, (width, 2400), ["--dump-dom"]).stdout
        answer = re.search(r'data-answer="([^"]*)"', printed)
        assert answer is not None, printed[-2000:]
        found: dict[str, Any] = json.loads(html.unescape(answer[1]))
        return found

    def _run(self, page: Path, size: tuple[int, int], options: list[str]) -> subprocess.CompletedProcess[str]:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.folder / 'user'}"]
        flags += [f"--window-size={size[0]},{size[1]}", *options, page.as_uri()]
        run = subprocess.run([self.path, *flags], capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == 0, run.stderr
        return run
