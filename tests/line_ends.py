"""End each text file with exactly one line break. The hook of .pre-commit-config.yaml calls it.

python -m tests.line_ends FILE...
"""

from __future__ import annotations

import sys
from pathlib import Path


def mended(content: bytes) -> bytes:
    """Content with one line break of its own kind at its end; an empty file stays empty."""
    body = content.rstrip(b"\r\n")
    return body + (b"\r\n" if b"\r\n" in body else b"\n") if body else b""


def main(names: list[str]) -> int:
    """Mend the files, name those that changed, and return 1 if there were any."""
    changed = 0
    for path in map(Path, names):
        content = path.read_bytes()
        if content != mended(content):
            path.write_bytes(mended(content))
            print(f"mended the end of {path}")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
