"""The Chinese, Japanese and European claim sets of the shared data, with the labels read by hand.

``claim_labels.json`` says where each set stands, how its first claim begins, and which claims each claim names. It
holds no texts.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

__all__ = ["LABELS", "claim_set"]

LABELS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("claim_labels.json").read_text("utf-8"))


def claim_set(data: Path, label: dict[str, Any]) -> str | list[str]:
    """A labelled set as its file has it: one text, or one text a claim."""
    path = data / label["file"]
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".json":
        return str(json.loads(text)[label["place"]]["text"])
    if path.suffix == ".conllu":
        sentences = re.findall(r"# text = (.*)", text)
        starts = [place for place, each in enumerate(sentences) if re.match(r"1\.(?!\d)", each)]
        return "\n".join(sentences[starts[label["place"]] : [*starts, len(sentences)][label["place"] + 1]])
    block = re.findall(r"<(?:\w+:)?[Cc]laims[ >].*?</(?:\w+:)?[Cc]laims>", text, re.DOTALL)[label["place"]]
    texts = re.findall(r"<claim-text>(.*?)</claim-text>", block, re.DOTALL) if label["office"] == "EP" else []
    if len(texts) == 1:
        return html.unescape(texts[0])
    claims = texts or re.findall(r"<(?:\w+:)?[Cc]laim[ >].*?</(?:\w+:)?[Cc]laim>", block, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", each)) for each in claims]
