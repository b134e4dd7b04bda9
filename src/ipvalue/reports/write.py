"""Write a dossier as one self-contained HTML file or as Markdown. All text is escaped."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence

from ipvalue.reports.blocks import Block, Formula, Picture, Section, Table, Text

__all__ = ["to_html", "to_markdown"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;margin:0 auto;padding:1.5rem;max-width:72rem}
h1{font-size:1.7rem}h2{border-bottom:2px solid #1f4e79;color:#1f4e79;margin-top:2.5rem;font-size:1.3rem}
.wide{overflow-x:auto;margin:1rem 0}table{border-collapse:collapse;font-size:.8rem}
caption{text-align:left;font-weight:600;padding:.3rem 0;white-space:nowrap}
th,td{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;vertical-align:top;max-width:36rem}
th{background:#eaf1f8}td.n{text-align:right;font-variant-numeric:tabular-nums}td.d{white-space:nowrap}
pre{background:#f5f5f5;padding:.8rem;overflow-x:auto;font-size:.78rem;white-space:pre-wrap}
figure{margin:1rem 0}img{max-width:100%;height:auto}figcaption{font-size:.85rem;color:#444}
nav ol{columns:2}@media print{h2{break-before:page}.wide{overflow:visible}}
""".strip()
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# characters that Markdown would read as markup, or that could open a tag or an entity
_MARKUP = re.compile(r"^[-+#>]|[\\`*_\[\]|~$]")


def to_html(title: str, sections: Sequence[Section]) -> str:
    """Write a dossier as one HTML file.

    Parameters
    ----------
    title : str
    sections : sequence of Section

    Returns
    -------
    str
        HTML with its style and pictures in it; a policy in its head forbids scripts and anything from elsewhere.

    Examples
    --------
    >>> "<b>" in to_html("a <b>", [])
    False
    """
    name = html.escape(title)
    contents = "".join(f'<li><a href="#{s.id}">{html.escape(s.title)}</a></li>' for s in sections)
    body = "\n".join(
        f'<section id="{s.id}">\n<h2>{html.escape(s.title)}</h2>\n' + "\n".join(map(_html, s.blocks)) + "\n</section>"
        for s in sections
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<h1>{name}</h1>\n<nav><ol>{contents}</ol></nav>\n{body}\n"
        "</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Formula):
        return f"<pre>{html.escape(block.text)}</pre>"
    if isinstance(block, Picture):
        data = base64.b64encode(block.png).decode("ascii")
        caption = html.escape(block.caption)
        image = f'<img alt="{caption}" src="data:image/png;base64,{data}">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    header, rows = block.rows
    if not rows:
        return f"<p>{html.escape(block.caption)}: {html.escape(block.empty)}.</p>"
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in header)
    write = [_linked if name == block.links else _cell for name in header]
    body = "\n".join("<tr>" + "".join(w(text) for w, text in zip(write, row)) + "</tr>" for row in rows)
    caption = html.escape(block.caption)
    return (
        f'<div class="wide"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _linked(text: str) -> str:
    """A cell of links to sections."""
    links = (f'<a href="#{html.escape(name)}">{html.escape(name)}</a>' for name in text.split())
    return f"<td>{' '.join(links)}</td>"


def _cell(text: str) -> str:
    kind = ' class="n"' if _NUMBER.fullmatch(text) else ' class="d"' if _DATE.fullmatch(text) else ""
    return f"<td{kind}>{html.escape(text)}</td>"


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """Write a dossier as Markdown (GitHub's, for its tables); without pictures, which show the same as the tables.

    Parameters
    ----------
    title : str
    sections : sequence of Section

    Returns
    -------
    str

    Examples
    --------
    >>> print(to_markdown("a <b>|c", []).strip())
    # a &lt;b&gt;\\|c
    """
    parts = [f"# {_escaped(title)}"]
    parts += [f"- [{_escaped(s.title)}](#{s.id})" for s in sections]
    for section in sections:
        parts.append(f'\n<a id="{section.id}"></a>\n\n## {_escaped(section.title)}')
        parts += ["\n" + _markdown(block) for block in section.blocks if not isinstance(block, Picture)]
    return "\n".join(parts) + "\n"


def _markdown(block: Text | Formula | Table) -> str:
    if isinstance(block, Text):
        return _escaped(block.text)
    if isinstance(block, Formula):
        longest = max((len(run) for run in re.findall("`+", block.text)), default=0)
        fence = "`" * max(3, longest + 1)  # the text can't close a fence that is longer than any in it
        return f"{fence}text\n{block.text}\n{fence}"
    header, rows = block.rows
    if not rows:
        return f"{_escaped(block.caption)}: {_escaped(block.empty)}."
    lines = [f"**{_escaped(block.caption)}**", "", _row(header), _row(["---"] * len(header), raw=True)]
    write = [_anchors if name == block.links else _escaped for name in header]
    return "\n".join(lines + [_row([w(text) for w, text in zip(write, row)], raw=True) for row in rows])


def _anchors(text: str) -> str:
    """Links to sections."""
    return " ".join(f"[{_escaped(name)}](#{name})" for name in text.split())


def _row(cells: Sequence[str], *, raw: bool = False) -> str:
    return "| " + " | ".join(c if raw else _escaped(c) for c in cells) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    plain = " ".join(text.split())
    if _NUMBER.fullmatch(plain):
        return plain
    return html.escape(_MARKUP.sub(r"\\\g<0>", plain), quote=False)
