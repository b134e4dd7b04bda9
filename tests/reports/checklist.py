"""What a model validator asks (SR 26-2 / OCC Bulletin 2026-13 and IFRS 13), and where a dossier must answer.

Each row: the question, the section that answers it, and a pattern that its text must hold.
"""

from __future__ import annotations

CHECKLIST: tuple[tuple[str, str, str], ...] = (
    ("What is the model for?", "purpose", r"purpose and use \| \S{4,}"),
    ("Who is responsible for it?", "purpose", r"owner of the model \| \S{4,}"),
    ("What does the output mean?", "purpose", r"median of the price"),
    ("What does the interval cover?", "purpose", r"interval covers \| relief_from_royalty: \w+"),
    ("On which data was it built?", "data", r"book learnt from \(SHA-256\) \| [0-9a-f]{64}"),
    ("Are the data complete: what was refused?", "data", r"patents \| [\d,]+ \| [\d,]+ \| \d+ \| \d+"),
    ("Is the refusal of data explained?", "data", r"patents \| application_date \| bad_date \| \d+ \| \w+"),
    ("Are the data relevant: which offices and rights?", "data", r"CN \| invention \| \d+"),
    ("How many inputs are known?", "data", r"citations \| \d+ \| [\d.]+ \| \w+ \| [\d.]+"),
    ("Does anything look ahead?", "data", r"nothing known later was read"),
    (
        "What is assumed, and on whose word?",
        "assumptions",
        r"tax_rate \| 0\.25 \| [\w ]+ \| \d{4}-\d\d-\d\d \| published \| \w+",
    ),
    ("Which assumptions are judgement?", "assumptions", r"assumed \| \d+"),
    ("What is the theory?", "methods", r"value\s+= \(p \* PV\(saving"),
    ("Is the theory published?", "methods", r"IVS 210"),
    ("What are the parameters?", "methods", r"licence_weight \| 10 \| 10"),
    ("How is the result computed step by step?", "methods", r"saving \| royalty \* \(1 - tax\)"),
    ("How are methods combined?", "methods", r"sum\(w x\)"),
    ("What was estimated from the data?", "learnt", r"relief_from_royalty \| -?[\d.]+ \| [\d.]+ \| \d+"),
    ("What weight has each method?", "learnt", r"comparable_sales \| \d+ \| [\d.]+"),
    ("What comes out?", "values", r"sum of medians [\d,]+"),
    ("How does it perform in time?", "performance", r"In time\nvalue_by.*\nreconciled \| \d+ \| [\d.]+"),
    (
        "How does it perform out of time?",
        "performance",
        r"Out of time, with.*\nscore \| reconciled .*\nn \| [\d,]+.*\nlog_rmse \| [\d.]+",
    ),
    ("Are the intervals honest?", "performance", r"0\.9 \| [\d.]+ \| [\d.]+ \| [\d.]+"),
    ("Is it calibrated over the range?", "performance", r"\n10 \| \d+ \| [\d,]+ \| [\d,]+ \| -?[\d.]+"),
    ("Is it calibrated by segment?", "performance", r"\nUS \| \d+"),
    ("How does it compare with alternatives?", "benchmarks", r"reconciled \| comparable_sales \| -?[\d.]+"),
    ("Which assumptions matter?", "sensitivity", r"royalty_rate \| times or over [\d.]+.* \| -0\.\d+ \| 0\.\d+"),
    (
        "Which level-3 inputs, with range and average?",
        "sensitivity",
        r"relief_from_royalty \| income \| royalty_rate \| share \| \d+ \| [\d.]+ \| [\d.]+ \| [\d.]+",
    ),
    ("Is it stable over time?", "stability", r"2022-12-31 \| \d+ \| [\d.]+"),
    ("Do values jump from year to year?", "stability", r"rank correlation of their values \| 0\.\d+"),
    ("What can't it do, as its owner says?", "limits", r"no plant varieties"),
    ("What can't it do, as measured?", "limits", r"patents without a value \| [\d.]+%"),
    ("What did experts override, and why?", "overrides", r"CN-1 \| A\. Expert \| offer in hand \| 2025-12-31"),
    ("What is watched in use?", "monitoring", r"coverage of the 90 % interval \| 0\.\d+"),
    (
        "Which clauses of which rules does it answer?",
        "clauses",
        r"IFRS 13[^\n]*: answered\n.*\n(.*\n)*?methods sensitivity \| .* 93\(d\)",
    ),
    ("Which clauses does it not answer?", "clauses", r"not answered by this dossier\n.*\n.*Risk-based approach"),
    ("Which version is it?", "versions", r"ipvalue \| \d+\.\d+"),
    ("Can the values be told from others?", "versions", r"values \| [0-9a-f]{64}"),
)
