"""Write into the README what is made from code: the schema's tables and the output of the ten lines.

python tests/readme.py
"""

from __future__ import annotations

import re
from pathlib import Path

from ipvalue.records.schema import markdown

README = Path(__file__).resolve().parents[1] / "README.md"


def main() -> None:
    text = README.read_text("utf-8")
    block = f"<!-- schema -->\n\n{markdown()}\n<!-- end schema -->"
    text = re.sub(r"<!-- schema -->\n.*?<!-- end schema -->", lambda _: block, text, flags=re.DOTALL)
    code = re.search(r"```python\n(import ipvalue as ipv\n\nbook.*?)```", text, re.DOTALL)
    assert code is not None
    printed: list[str] = []
    exec(code[1], {"print": lambda *parts: printed.append(" ".join(map(str, parts)))})
    output = "<!-- output -->\n```\n" + "\n".join(printed) + "\n```"
    text = re.sub(r"<!-- output -->\n```\n.*?\n```", lambda _: output, text, flags=re.DOTALL)
    README.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
