"""Chinese, German and Japanese claim sets composed from ways to refer, with the edges they were composed from.

The wordings were written from drafting practice, not taken from the parser's patterns: anchors, ranges, lists,
full-width digits, and bodies full of numbers that refer to nothing (reference signs, quantities, steps, ratios).
A set rotates through the wordings, so that each stands in several sets, with other claims and other bodies.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TONGUES", "ComposedSet", "composed_sets"]


class ComposedSet(NamedTuple):
    """A set as one text, and the claims that each claim names."""

    text: str
    parents: dict[int, list[int]]


class Tongue(NamedTuple):
    """What a language's sets are made of.

    ``wordings`` name claims: {a}, {b}, {c} are single claims in rising order, and the word before tells which
    are meant: "one" a; "two" a and b; "three" a, b, c; "range" a to b; "range and one" a to b and c; "range or
    range" a to b and c to d; "before" every earlier claim; "last" the one before.
    """

    subjects: tuple[tuple[str, str], ...]
    first: tuple[str, ...]
    bodies: tuple[str, ...]
    wordings: tuple[tuple[str, str], ...]
    numbers: tuple[str, ...]


CHINESE = Tongue(
    subjects=(
        ("空气净化装置", "净化方法"),
        ("锂离子电池", "制备方法"),
        ("数据传输方法", "计算机可读存储介质"),
        ("抗菌组合物", "应用"),
        ("齿轮箱", "装配方法"),
    ),
    first=(
        "一种{subject}，其特征在于，包括壳体1、设置在壳体1内的滤芯2以及3个风扇。",
        "一种{subject}，包括：步骤1，加热至80℃；步骤2，保温2-3小时；以及步骤3，冷却至25℃。",
        "一种{subject}，其包含重量比为1:3至1:5的组分A与组分B，所述组分A占10%～20%。",
    ),
    bodies=(
        "其特征在于，所述厚度为2至5毫米。",
        "其特征在于：步骤2中的温度为100～120℃，时间为1或2小时。",
        "其中，所述第1构件(10)与第2构件(20)之间的间隙为0.1-0.5mm。",
        "其特征是，所述重量比为1:2或1:3，纯度不低于99.5％。",
        "其特征在于，所述数量为3、4或5个，如图2和图3所示。",
        "其中，根据公式(1)和(2)计算所述参数，n为1至8的整数。",
    ),
    wordings=(
        ("one", "根据权利要求{a}所述的{subject}，"),
        ("one", "如权利要求{a}所述的{subject}，"),
        ("one", "按照权利要求 {a} 所述的{subject}，"),
        ("one", "依据权利要求第{a}项所述的{subject}，"),
        ("one", "权利要求{a}的{subject}，"),
        ("one", "如权利要求书第{a}项所述之{subject}，"),
        ("one", "如請求項{a}所述之{subject}，"),
        ("one", "如申請專利範圍第{a}項所述之{subject}，"),
        ("one", "一种{other}，使用权利要求{a}所述的{subject}，"),
        ("two", "根据权利要求{a}或{b}所述的{subject}，"),
        ("two", "根据权利要求{a}或者权利要求{b}所述的{subject}，"),
        ("two", "如权利要求{a}或权利要求{b}中任一项所述的{subject}，"),
        ("two", "根据权利要求{a}、{b}所述的{subject}，"),
        ("two", "如申請專利範圍第{a}項或第{b}項所述之{subject}，"),
        ("three", "根据权利要求{a}、{b}或{c}所述的{subject}，"),
        ("three", "根据权利要求{a}，{b}或{c}中任意一项所述的{subject}，"),
        ("three", "如权利要求{a}、{b}以及{c}任一所述的{subject}，"),
        ("range", "根据权利要求{a}至{b}中任一项所述的{subject}，"),
        ("range", "根据权利要求{a}-{b}任意一项所述的{subject}，"),
        ("range", "如权利要求{a}～{b}任一权利要求所述的{subject}，"),
        ("range", "如权利要求{a}到{b}中任何一项所述的{subject}，"),
        ("range", "根据权利要求{a}至权利要求{b}中的任意一项所述的{subject}，"),
        ("range", "根据权利要求{a}—{b}之一所述的{subject}，"),
        ("range", "如請求項{a}至{b}中任一項所述之{subject}，"),
        ("range", "一种{other}，其包括如权利要求{a}~{b}任一项所述的{subject}，"),
        ("range", "权利要求{a}至{b}任一项所述的{subject}在工业中的应用，"),
        ("range and one", "根据权利要求{a}至{b}或{c}所述的{subject}，"),
        ("range and one", "如权利要求{a}-{b}、{c}中任一项所述的{subject}，"),
        ("range or range", "根据权利要求{a}-{b}或{c}-{d}中任一项所述的{subject}，"),
        ("before", "根据前述权利要求中任一项所述的{subject}，"),
        ("before", "如上述任一权利要求所述的{subject}，"),
        ("before", "根据以上任意一项权利要求所述的{subject}，"),
        ("last", "根据上一项权利要求所述的{subject}，"),
        ("one", "如权利要求（{a}）所述的{subject}，"),
        ("one", "根据权利要\n求{a}所述的{subject}，"),
        ("two", "根据权利要求{a}和/或{b}所述的{subject}，"),
        ("two", "一种{other}，包括权利要求{a}所述的{subject}以及由权利要求{b}得到的部件，"),
        ("three", "根据权利要求{a},{b},{c}任一项所述的{subject}，"),
        ("range", "根据前述权利要求{a}至{b}中任一项所述的{subject}，"),
        ("before", "根据在先权利要求中任一项所述的{subject}，"),
    ),
    numbers=("{n}.", "{n}、", "{n}．", "{n}. "),
)

GERMAN = Tongue(
    subjects=(
        ("Vorrichtung", "Verfahren zum Betreiben der Vorrichtung"),
        ("Zusammensetzung", "Verwendung der Zusammensetzung"),
        ("Verfahren", "Computerprogrammprodukt"),
        ("Getriebe", "Kraftfahrzeug"),
    ),
    first=(
        "{subject}, umfassend ein Gehäuse (1), 2 Ventile (10, 11) und 3 bis 5 Federn.",
        "{subject} mit den Schritten: 1) Erhitzen auf 80 °C, 2) Halten für 2 bis 3 Stunden und 3) Abkühlen.",
        "{subject}, enthaltend 10 bis 20 Gew.-% A und 1,5 oder 2,5 Teile B nach DIN 1045.",
    ),
    bodies=(
        "dadurch gekennzeichnet, dass die Dicke 2 bis 5 mm beträgt.",
        "wobei die Temperatur in Schritt 2 zwischen 100 und 120 °C liegt.",
        "dadurch gekennzeichnet, daß das Teil (12) und das Teil 14 nach Figur 3 oder 4 verbunden sind.",
        "wobei n eine ganze Zahl von 1 bis 8 ist und das Verhältnis 1:3 beträgt.",
    ),
    wordings=(
        ("one", "{subject} nach Anspruch {a}, "),
        ("one", "{subject} gemäß Anspruch {a}, "),
        ("one", "{subject} gemäss Patentanspruch {a}, "),
        ("one", "{subject} entsprechend dem Anspruch {a}, "),
        ("one", "{other} unter Verwendung des Gegenstands nach Anspruch {a}, "),
        ("two", "{subject} nach Anspruch {a} oder {b}, "),
        ("two", "{subject} nach Anspruch {a} oder Anspruch {b}, "),
        ("two", "{subject} nach den Ansprüchen {a} und {b}, "),
        ("two", "{subject} gemäß einem der Patentansprüche {a} oder {b}, "),
        ("three", "{subject} nach einem der Ansprüche {a}, {b} oder {c}, "),
        ("three", "{subject} nach Anspruch {a}, {b} oder {c}, "),
        ("three", "{subject} nach mindestens einem der Ansprüche {a}, {b} und {c}, "),
        ("range", "{subject} nach einem der Ansprüche {a} bis {b}, "),
        ("range", "{subject} nach einem oder mehreren der Ansprüche {a}-{b}, "),
        ("range", "{subject} gemäß irgendeinem der Ansprüche {a} – {b}, "),
        ("range", "{subject} nach den Patentansprüchen {a} bis {b}, "),
        ("range", "{other}, umfassend den Gegenstand nach wenigstens einem der Ansprüche {a} bis {b}, "),
        ("range and one", "{subject} nach einem der Ansprüche {a} bis {b} oder {c}, "),
        ("range and one", "{subject} nach einem der Ansprüche {a} bis {b} sowie {c}, "),
        ("range or range", "{subject} nach einem der Ansprüche {a} bis {b} und {c} bis {d}, "),
        ("before", "{subject} nach einem der vorhergehenden Ansprüche, "),
        ("before", "{subject} nach einem der vorstehenden Patentansprüche, "),
        ("before", "{subject} nach wenigstens einem der vorangehenden Ansprüche, "),
        ("before", "{subject} nach den vorangegangenen Ansprüchen, "),
        ("last", "{subject} nach dem vorhergehenden Anspruch, "),
        ("two", "{subject} nach Anspruch {a} und/oder {b}, "),
        ("two", "{subject} nach Anspruch {a} bzw. {b}, "),
        ("two", "{subject} nach den Ansprüchen {a}/{b}, "),
        ("range", "{subject} nach einem der Ansprueche {a} bis {b}, "),
        ("range", "{subject} nach einem der vorhergehenden Ansprüche {a} bis einschließlich {b}, "),
        ("before", "{subject} nach einem der vorherigen Ansprüche, "),
        ("before", "{subject} nach irgendeinem vorhergehenden Anspruch, "),
    ),
    numbers=("{n}. ", "{n}) ", "Anspruch {n}: "),
)

JAPANESE = Tongue(
    subjects=(
        ("空気清浄装置", "空気清浄方法"),
        ("電池", "電池の製造方法"),
        ("情報処理方法", "プログラム"),
        ("組成物", "医薬"),
    ),
    first=(
        "筐体１と、前記筐体１内に設けられた２つのフィルタ（１０、１１）とを備える{subject}。",
        "８０℃に加熱する第１工程と、２～３時間保持する第２工程と、を含む{subject}。",
        "成分Ａを10～20質量％、成分Ｂを1.5又は2.5部含有することを特徴とする{subject}。",
    ),
    bodies=(
        "前記厚さが２～５ｍｍである、",
        "第２工程の温度が１００から１２０℃であることを特徴とする、",
        "前記部材（１２）と部材１４とが、図３又は図４のように接続される、",
        "ｎが１乃至８の整数であり、比が1:3である",
    ),
    wordings=(
        ("one", "{body}請求項{a}に記載の{subject}。"),
        ("one", "{body}請求項{a}記載の{subject}。"),
        ("one", "{body}請求項{a}の{subject}。"),
        ("one", "請求項{a}に記載の{subject}において、前記厚さが３ｍｍであることを特徴とする{subject}。"),
        ("one", "請求項{a}に記載の{subject}を用いる、２つの工程からなる{other}。"),
        ("two", "{body}請求項{a}または{b}に記載の{subject}。"),
        ("two", "{body}請求項{a}又は請求項{b}に記載の{subject}。"),
        ("two", "{body}請求項{a}もしくは{b}記載の{subject}。"),
        ("two", "{body}請求項{a}及び{b}のいずれか一項に記載の{subject}。"),
        ("three", "{body}請求項{a}、{b}又は{c}に記載の{subject}。"),
        ("three", "{body}請求項{a}、請求項{b}および請求項{c}のいずれか１項に記載の{subject}。"),
        ("range", "{body}請求項{a}～{b}のいずれか１項に記載の{subject}。"),
        ("range", "{body}請求項{a}から{b}のいずれか一項に記載の{subject}。"),
        ("range", "{body}請求項{a}から請求項{b}までのいずれか１項に記載の{subject}。"),
        ("range", "{body}請求項{a}乃至{b}のうちいずれか１つに記載の{subject}。"),
        ("range", "{body}請求項{a}ないし請求項{b}のいずれかに記載の{subject}。"),
        ("range", "{body}請求項{a}－{b}のいずれかに係る{subject}。"),
        ("range", "請求項{a}〜{b}のいずれか一項に記載の{subject}を備える{other}。"),
        ("range and one", "{body}請求項{a}～{b}又は{c}のいずれか１項に記載の{subject}。"),
        ("range and one", "{body}請求項{a}から{b}、及び{c}のいずれか一項に記載の{subject}。"),
        ("range or range", "{body}請求項{a}～{b}および{c}～{d}のいずれか１項に記載の{subject}。"),
        ("before", "{body}前記請求項のいずれか一項に記載の{subject}。"),
        ("before", "{body}先行する請求項のいずれかに記載の{subject}。"),
        ("last", "{body}直前の請求項に記載の{subject}。"),
        ("one", "{body}特許請求の範囲第{a}項記載の{subject}。"),
        ("two", "{body}特許請求の範囲第{a}項または第{b}項記載の{subject}。"),
        ("two", "{body}請求項{a}および／または{b}に記載の{subject}。"),
        ("three", "{body}請求項{a}，{b}，{c}のいずれかに記載の{subject}。"),
        ("range", "{body}請求項{a}～{b}の何れか１項に記載の{subject}。"),
        ("before", "{body}先行請求項のいずれか一項に記載の{subject}。"),
    ),
    numbers=("【請求項{n}】", "{n}. "),
)

TONGUES = {"zh": CHINESE, "de": GERMAN, "ja": JAPANESE}

_COUNTS = {"zh": 40, "de": 20, "ja": 20}
_NEEDED = {"one": 1, "two": 2, "three": 3, "range": 2, "range and one": 4, "range or range": 5, "before": 1, "last": 1}
_CLAIMS = 10


def composed_sets(language: str) -> list[ComposedSet]:
    """All composed sets of a language."""
    return [_compose(TONGUES[language], place, language) for place in range(_COUNTS[language])]


def _compose(tongue: Tongue, place: int, language: str) -> ComposedSet:
    subject, other = tongue.subjects[place % len(tongue.subjects)]
    wide = place % 3 == 0 and language != "de"
    head = tongue.numbers[place % len(tongue.numbers)]
    claims = [tongue.first[place % len(tongue.first)].format(subject=subject)]
    parents: dict[int, list[int]] = {1: []}
    # the lists are longer than a set: each set begins where the last one ended
    turn = place * (_CLAIMS - 1)
    for number in range(2, _CLAIMS + 1):
        kind, wording = _fitting(tongue, turn + number, number)
        named, of = _named(kind, number, place)
        body = tongue.bodies[(turn + number) % len(tongue.bodies)]
        words = {key: _wide(value) if wide else str(value) for key, value in named.items()}
        text = wording.format(subject=subject, other=other, body=body, **words)
        claims.append(text if "{body}" in wording or language == "ja" else text + body)
        parents[number] = of
    return ComposedSet("\n".join(head.format(n=n) + each for n, each in enumerate(claims, 1)), parents)


def _fitting(tongue: Tongue, turn: int, number: int) -> tuple[str, str]:
    """The next wording that names no more claims than stand before this one."""
    count = len(tongue.wordings)
    ordered = [tongue.wordings[(turn + step) % count] for step in range(count)]
    return next(each for each in ordered if _NEEDED[each[0]] < number)


def _named(kind: str, number: int, place: int) -> tuple[dict[str, int], list[int]]:
    """Numbers to put into a wording, and the claims they mean."""
    last = number - 1
    start = 1 + (place + number) % max(last - _NEEDED[kind] + 1, 1)
    a, b, d = start, start + 1, start + 3
    if kind == "one":
        return {"a": a}, [a]
    if kind == "two":
        return {"a": a, "b": last}, [a, last]
    if kind == "three":
        return {"a": a, "b": b, "c": last}, [a, b, last]
    if kind == "range":
        return {"a": a, "b": last}, list(range(a, last + 1))
    if kind == "range and one":
        return {"a": a, "b": b, "c": last}, [a, b, last]
    if kind == "range or range":
        return {"a": a, "b": b, "c": d, "d": last}, [a, b, *range(d, last + 1)]
    return {}, list(range(1, number)) if kind == "before" else [last]


def _wide(number: int) -> str:
    """Full-width digits."""
    return str(number).translate({ord("0") + digit: ord("０") + digit for digit in range(10)})
