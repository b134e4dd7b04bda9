"""The tree of the package, written from the modules' own first lines; run it to write ARCHITECTURE.md's block.

python tests/architecture.py
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "ipvalue"
DOCUMENT = ROOT / "ARCHITECTURE.md"
BLOCK = re.compile(r"(<!-- tree -->\n```\n)(.*?)(```\n<!-- end -->)", re.DOTALL)


def first_line(path: Path) -> str:
    """First line of a module's docstring, without its full stop."""
    doc = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return doc.split("\n", 1)[0].rstrip(".")


def tree() -> str:
    """One line a module, in folders."""
    lines = []
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda p: (p.parent.relative_to(PACKAGE).parts, p.name)):
        place = path.relative_to(PACKAGE)
        if path.name == "__init__.py":
            lines.append(
                f"{place.parent.as_posix() if place.parent.parts else 'ipvalue'}/".ljust(36) + first_line(path)
            )
        else:
            lines.append(("  " * len(place.parts) + place.name).ljust(36) + first_line(path))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(BLOCK.sub(lambda m: m[1] + tree() + m[3], text), "utf-8")
