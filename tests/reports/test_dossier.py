"""A dossier answers a validator's questions, is one file that needs nothing else, and shows text as text."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.errors import IpvalueError, NotFittedError
from ipvalue.evaluation import Backtest
from ipvalue.reports.blocks import Picture
from ipvalue.reports.clauses import read_clauses
from ipvalue.reports.document import Dossier
from ipvalue.reports.sensitivity import tornado_table
from ipvalue.worksheet import work
from tests.reports.browser import Browser
from tests.reports.checklist import CHECKLIST

DAY = "2023-12-31"
SCRIPT = "<script>alert('x')</script>"
VOID = {"meta", "img", "br", "link", "hr", "input"}
OVERRIDE = {
    "patent_id": "CN-1",
    "author": "A. Expert",
    "reason": "offer in hand",
    "expiry": "2025-12-31",
    "original": 1e5,
    "override": 2e5,
}


class Tags(HTMLParser):
    """Balanced or not, and everything that is referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


@pytest.fixture(scope="module")
def small() -> ipv.Book:
    """1,500 synthetic patents, one row with a bad date, one with a script for an identifier."""
    made = ipv.synthetic_book(1_500, seed=7)
    tables = {name: table.to_pandas() for name, table in made.tables.items()}
    patents = tables.pop("patents").astype({"application_date": object})
    bad = patents.iloc[[0]].assign(patent_id="CN-0-B", application_date="2020-13-01")
    odd = patents[patents["jurisdiction"] == "CN"].iloc[[0]].assign(patent_id=f"CN-9{SCRIPT}|")
    return ipv.Book(patents=pd.concat([patents, bad, odd], ignore_index=True), **tables)


@pytest.fixture(scope="module")
def fitted(small: ipv.Book) -> ipv.ValuationEngine:
    trees = ipv.GradientBoosting(trees=20, learning_rate=0.1, folds=2, minimum=20)
    return ipv.ValuationEngine([ipv.ReliefFromRoyalty(), ipv.ComparableSales(), trees]).fit(small, DAY)


@pytest.fixture(scope="module")
def tested(small: ipv.Book, fitted: ipv.ValuationEngine) -> Backtest:
    truth = ipv.synthetic_book(1_500, seed=7).true_value(DAY)
    worth = truth[truth > 0]
    return ipv.backtest(fitted, small, ["2021-12-31", "2022-12-31"], target=worth)


@pytest.fixture(scope="module")
def made(small: ipv.Book, fitted: ipv.ValuationEngine, tested: Backtest) -> tuple[Dossier, float]:
    begin = time.process_time()
    found = ipv.dossier(
        fitted,
        small,
        backtest=tested,
        purpose=f"Collateral values {SCRIPT} & checks",
        owner=f"Model risk <b>{SCRIPT}</b>",
        limits=["no plant varieties", f"not for {SCRIPT}"],
        overrides=[OVERRIDE, {**OVERRIDE, "patent_id": f"CN-9{SCRIPT}|", "author": SCRIPT}],
    )
    found.to_html()
    return found, time.process_time() - begin


@pytest.mark.parametrize(("question", "section", "pattern"), CHECKLIST, ids=[q for q, _, _ in CHECKLIST])
def test_each_question_of_a_validator_is_answered(
    made: tuple[Dossier, float], question: str, section: str, pattern: str
) -> None:
    found = re.search(pattern, made[0][section].text)
    assert found is not None, made[0][section].text[:3000]
    assert found[0].strip()


def test_every_clause_has_a_source_and_points_to_sections_that_exist(made: tuple[Dossier, float]) -> None:
    table, ids = read_clauses(), {section.id for section in made[0].sections}
    assert set(table["certainty"]) == {"read", "recalled"}
    for column in ("regime", "edition", "clause", "asks", "source"):
        assert (table[column].str.strip() != "").all(), column
    assert not table.duplicated(["regime", "edition", "clause"]).any()
    assert {name for cell in table["section"] for name in cell.split()} <= ids - {"clauses"}
    unanswered = table[table["section"] == ""]
    assert (unanswered["note"] != "").all(), "a clause without a section says who must answer it"
    for rule in ("SR 26-2", "PRA SS1/23", "EBA/GL/2020/06", "International Valuation", "IFRS 13", "China"):
        assert table["regime"].str.startswith(rule).any(), rule


def test_clauses_that_the_dossier_does_not_answer_are_printed_with_the_others(made: tuple[Dossier, float]) -> None:
    table, text, page = read_clauses(), made[0]["clauses"].text, made[0].to_html()
    lists = text.split(": not answered by this dossier")
    assert len(lists) == table["regime"].nunique() + 1
    for row in table.itertuples():
        assert f"| {row.clause} | {row.asks} | {row.certainty} | {row.source} |" in text, row.clause
    answered = table[table["section"] != ""]
    links = sum(len(cell.split()) for cell in answered["section"])
    body = page.split('<section id="clauses">')[1].split("</section>")[0]
    assert body.count('<a href="#') == links
    assert "[sensitivity](#sensitivity)" in made[0].to_markdown().split('<a id="clauses">')[1]


def test_it_is_made_in_less_than_half_a_minute_of_processor_time(made: tuple[Dossier, float]) -> None:
    assert made[1] < 30


def test_html_is_balanced_and_refers_to_nothing_outside(made: tuple[Dossier, float]) -> None:
    text = made[0].to_html()
    tags = parsed(text)
    assert "script" not in tags.seen
    assert all(r.startswith(("#", "data:image/png;base64,")) for r in tags.references)
    assert {r[1:] for r in tags.references if r.startswith("#")} == set(tags.ids)
    assert len(tags.ids) == len(set(tags.ids)) == len(made[0].sections)
    assert "url(" not in text
    assert "@import" not in text


def test_text_of_users_is_shown_as_text(made: tuple[Dossier, float]) -> None:
    text = made[0].to_html()
    assert SCRIPT not in text
    assert text.count("&lt;script&gt;") >= 5
    markdown = made[0].to_markdown()
    assert "<script" not in markdown
    lines = [line for line in markdown.split("\n") if "A. Expert" in line or "CN-9" in line]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in lines if "offer in hand" in line)


@pytest.mark.slow
def test_overrides_that_are_applied_are_analysed_and_shown_as_text(
    small: ipv.Book, fitted: ipv.ValuationEngine
) -> None:
    model = fitted.value(small.as_of(DAY))
    worth = model.to_pandas()["value"].dropna().sort_values()
    top, second = worth.index[-1], worth.index[-2]
    said = {"author": f"A. Expert {SCRIPT}", "reason": f"offer in hand {SCRIPT} | file 17", "made_on": "2023-11-30"}
    items = [
        ipv.Override.model_validate({"patent_id": top, "factor": 0.5, "expires_on": "2024-02-29", **said}),
        ipv.Override.model_validate({"patent_id": second, "factor": 1.1, "expires_on": "2024-10-31", **said}),
        ipv.Override.model_validate({"patent_id": f"XX{SCRIPT}", "factor": 2.0, "expires_on": "2024-10-31", **said}),
    ]
    log = ipv.Overrides(name=f"year end {SCRIPT}", items=items)
    found = ipv.dossier(fitted, small, as_of=DAY, overrides=log, sample=20)
    text = found["overrides"].text
    for pattern in (
        rf"SHA-256 {log.hash}: 3 override",
        rf"{re.escape(top)} \| overridden",
        r"XX.* \| unknown_patent",
        r"overrides in force \| 2",
        r"\nall \| 2 \| [\d,]+ \| [\d,]+ \| 1 \| 1 \| -0\.\d+",
        rf"material; no_approver; expiring \| {re.escape(top)}",
        rf"\n{items[0].id} \| 60 \| {re.escape(top)}",
        r"unknown_patent \| .* \| 1",
    ):
        assert re.search(pattern, text), (pattern, text)
    assert log.hash in found["versions"].text
    html = found.to_html()
    assert SCRIPT not in html
    assert "script" not in parsed(html).seen
    # the model is judged by its own values, the same with overrides and without
    plain = ipv.dossier(fitted, small, as_of=DAY, sample=20)
    for section in ("performance", "sensitivity", "stability", "benchmarks", "limits", "monitoring"):
        assert found[section].text == plain[section].text
    assert found["values"].text != plain["values"].text
    given = ipv.dossier(fitted, small, valuation=model.override(log), sample=20)
    assert given["overrides"].text == text
    with pytest.raises(IpvalueError, match="give one of them"):
        ipv.dossier(fitted, small, valuation=model.override(log), overrides=ipv.Overrides(items=items[:1]))
    assert "No values are at hand" in ipv.dossier(fitted, overrides=log)["overrides"].text


def test_pictures_are_drawn_and_markdown_does_without(made: tuple[Dossier, float]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra [plot]")
    pictures = [b for s in made[0].sections for b in s.blocks if isinstance(b, Picture)]
    assert {"Tornado", "Calibration out of time", "Methods compared out of time"} <= {p.caption for p in pictures}
    assert all(p.png.startswith(b"\x89PNG") for p in pictures)
    assert "base64" not in made[0].to_markdown()


@pytest.mark.slow
def test_without_matplotlib_there_are_tables_and_no_pictures(
    small: ipv.Book, fitted: ipv.ValuationEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    found = ipv.dossier(fitted, small, sample=10)
    assert not [b for s in found.sections for b in s.blocks if isinstance(b, Picture)]
    assert "royalty_rate" in found["sensitivity"].text


@pytest.mark.slow
def test_the_same_engine_and_book_give_the_same_bytes(
    small: ipv.Book, fitted: ipv.ValuationEngine, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        ipv.dossier(fitted, small, sample=20, path=tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_engine_alone_says_what_it_can_and_what_is_missing(fitted: ipv.ValuationEngine, tmp_path: Path) -> None:
    found = ipv.dossier(fitted, path=tmp_path / "alone.md", format="markdown")
    assert "No book was given" in found["data"].text
    assert "No backtest was given" in found["performance"].text
    unanswered = found["clauses"].text.split("PRA SS1/23 (United Kingdom): not answered")[1].split("EBA/GL")[0]
    assert "performance: no backtest was given" in unanswered
    assert (tmp_path / "alone.md").read_text("utf-8").startswith("# Model dossier")
    parsed(found.to_html())


def test_a_book_without_a_living_patent_has_a_dossier_too() -> None:
    """One Chinese patent of 1990 has ended by 2020."""
    dead = ipv.Book(patents={"patent_id": ["CN-1-B"], "jurisdiction": ["CN"], "application_date": ["1990-03-01"]})
    engine = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(dead, "2020-12-31")
    found = ipv.dossier(engine, dead)
    assert "living patents of a book" in found["sensitivity"].text
    parsed(found.to_html())


def test_sensitivities_are_those_of_values_under_changed_assumptions(
    small: ipv.Book, fitted: ipv.ValuationEngine
) -> None:
    """The tax rate moves nothing that was learnt: revaluing under the changed set gives the same change."""
    sheet = fitted.work(small.as_of(DAY))
    table = tornado_table(sheet).set_index("figure")
    other = fitted.model.with_assumptions(
        fitted.assumptions.replace(tax_rate=1.1 * fitted.assumptions.tax_rate.value), carry=False
    )
    sums = [np.nansum(each.value) for each in (sheet, work(other, sheet.subject))]
    assert table.loc["tax_rate", "high"] == pytest.approx(sums[1] / sums[0] - 1.0, abs=1e-12)
    assert table.loc["royalty_rate", "high"] > 0 > table.loc["cost_of_capital", "high"]
    assert set(table.index) == {name.split(".")[0] for name in fitted.assumptions.table()["figure"]}


def test_what_does_not_belong_together_is_refused(small: ipv.Book, fitted: ipv.ValuationEngine) -> None:
    values = fitted.value(small.as_of(DAY))
    other = ipv.ValuationEngine([ipv.ReliefFromRoyalty()]).fit(small, DAY)
    with pytest.raises(IpvalueError, match="another engine"):
        ipv.dossier(other, small, valuation=values)
    with pytest.raises(IpvalueError, match="as of 2023-12-31"):
        ipv.dossier(fitted, small, valuation=values, as_of="2022-12-31")
    with pytest.raises(IpvalueError, match="format='pdf'"):
        ipv.dossier(fitted, format="pdf")  # type: ignore[arg-type]
    with pytest.raises(NotFittedError):
        ipv.dossier(ipv.ValuationEngine([ipv.ReliefFromRoyalty()]))
    with pytest.raises(IpvalueError, match="no section"):
        ipv.dossier(fitted)["colour"]


@pytest.fixture(scope="module")
def page(made: tuple[Dossier, float], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "dossier.html"
    made[0].write(path)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return Browser(tmp_path_factory.mktemp("browser"))


def share(pixels: npt.NDArray[np.float32], colour: str) -> float:
    """Share of the pixels that have a colour, up to what smoothing makes of it."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float((np.abs(pixels - wanted).max(axis=-1) < 0.02).mean())


@pytest.mark.slow
def test_a_browser_opens_it_without_an_error(page: Path, browser: Browser) -> None:
    """Nothing on the console, and a screenshot with letters, headings and heads of tables on it."""
    image = pytest.importorskip("matplotlib.image", reason="reading a screenshot needs the extra [plot]")
    shot, log = browser.shoot(page)
    assert "CONSOLE" not in log, log
    pixels = image.imread(shot)[..., :3]
    dark = (pixels.mean(axis=-1) < 0.6).mean()
    # tables without a letter in them would have a quarter of this
    assert 0.01 < dark < 0.5
    assert pixels.std() > 0.08
    assert share(pixels, "#1f4e79") > 5e-4  # headings and the lines below them
    assert share(pixels, "#eaf1f8") > 5e-3  # heads of tables
    assert (pixels[:, -8:] == 1.0).all()  # nothing runs out of the page at its right


@pytest.mark.slow
@pytest.mark.parametrize("width", [1200, 800])
def test_a_browser_lays_every_section_out_within_the_page(
    made: tuple[Dossier, float], page: Path, browser: Browser, width: int
) -> None:
    found = browser.measure(page, width)
    assert width - 20 <= found["view"] <= width  # all but the bar to scroll down by
    assert found["width"] <= found["view"]
    assert found["headings"] == ["rgb(31, 78, 121)"] * len(made[0].sections)
    assert found["empty"] == []
    assert found["dates"] > 100
    assert found["broken"] == 0  # no date is broken over two lines
    if width == 1200:
        assert found["scrolled"] == []
    wanted = [b.caption for s in made[0].sections for b in s.blocks if isinstance(b, Picture)]
    assert [alt for alt, *_ in found["pictures"]] == wanted
    for alt, complete, across, down, shown in found["pictures"]:
        assert complete and across >= 500 and down >= 300, alt
        assert 0.5 * width < shown <= found["view"], alt


@pytest.mark.slow
def test_a_browser_shows_the_pictures(made: tuple[Dossier, float], browser: Browser) -> None:
    """The tornado's bars: light and dark blue are on the page, and not without the picture."""
    image = pytest.importorskip("matplotlib.image", reason="pictures need the extra [plot]")
    section = made[0]["sensitivity"]
    blue = {}
    for name in ("with", "without"):
        blocks = tuple(b for b in section.blocks if name == "with" or not isinstance(b, Picture))
        path = browser.folder / f"{name}.html"
        Dossier(made[0].title, (replace(section, blocks=blocks),)).write(path)
        pixels = image.imread(browser.shoot(path, (1200, 900))[0])[..., :3]
        blue[name] = share(pixels, "#9dc3e6"), share(pixels, "#1f4e79")
    assert blue["with"][0] > blue["without"][0] + 0.005
    assert blue["with"][1] > blue["without"][1] + 0.002


def test_a_call_that_can_not_be_meant_is_refused_before_anything_is_valued(
    book: ipv.Book, engine: ipv.ValuationEngine, tmp_path: Path
) -> None:
    with pytest.raises(IpvalueError, match="no such folder"):
        ipv.dossier(engine, book, path=tmp_path / "nowhere" / "dossier.html")
    with pytest.raises(IpvalueError, match=r"read_book\(path\)"):
        ipv.dossier(engine, "book/")  # type: ignore[arg-type]
    for wrong in ("log.csv", [3]):
        with pytest.raises(IpvalueError, match=r"Overrides\(items=\[...\]\)"):
            ipv.dossier(engine, overrides=wrong)  # type: ignore[arg-type]
    with pytest.raises(IpvalueError, match="can't be written"):
        ipv.dossier(engine, purpose="x").write(tmp_path)
