"""Claim wording of the synthetic patents in Chinese, English and German, put together from templates.

A claim is a head and some features. An independent claim has as many features as its length asks for; a
dependent one refers to an earlier claim in the usual forms, one or several, and has one feature or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.synthetic.common import small_table, take_text
from ipvalue.types import Ints, Mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["claim_wording"]


@dataclass(frozen=True)
class Wording:
    """Templates of one language; ``unit`` is the typical length of a feature in words or characters."""

    heads: tuple[str, ...]
    nouns: tuple[str, ...]
    features: tuple[str, ...]
    joint: str
    transition: str
    single: tuple[str, str]
    several: tuple[str, str, str]
    further: str
    end: str
    unit: float


_ENGLISH = Wording(
    heads=("A device", "A method", "A system", "An apparatus"),
    nouns=("device", "method", "system", "apparatus"),
    features=(
        "a housing arranged to receive a first component and a second component",
        "a controller configured to determine a target value from the measured signal",
        "a sensor coupled to the controller and generating a signal that represents a temperature",
        "an actuator operatively connected to the housing and movable between two positions",
        "a first layer formed on a substrate and a second layer formed on the first layer",
        "a storage unit that holds a table in which each entry is assigned to an operating state",
        "an interface through which a user selects one of at least two operating modes",
        "a guide element extending along an axis and limiting a movement of the carrier",
        "a comparison of the target value with a threshold that depends on the operating state",
        "an outlet through which the treated medium leaves the chamber at a set pressure",
    ),
    joint="; ",
    transition=", comprising: ",
    single=("The ", " of claim "),
    several=("The ", " according to any one of claims 1 to ", ""),
    further=", further comprising ",
    end=".",
    unit=12.5,
)
_GERMAN = Wording(
    heads=("Vorrichtung", "Verfahren", "System", "Anordnung"),
    nouns=("Vorrichtung", "Verfahren", "System", "Anordnung"),
    features=(
        "ein Gehäuse, das ein erstes und ein zweites Bauteil aufnimmt",
        "eine Steuerung, die aus dem gemessenen Signal einen Sollwert bestimmt",
        "einen Sensor, der mit der Steuerung verbunden ist und ein Signal erzeugt",
        "einen Antrieb, der mit dem Gehäuse verbunden und zwischen zwei Stellungen beweglich ist",
        "eine erste Schicht auf einem Träger und eine zweite Schicht auf der ersten Schicht",
        "einen Speicher mit einer Tabelle, deren Einträge je einem Betriebszustand zugeordnet sind",
        "eine Schnittstelle, über die ein Benutzer eine von mehreren Betriebsarten wählt",
        "ein Führungselement, das sich längs einer Achse erstreckt und eine Bewegung begrenzt",
    ),
    joint="; ",
    transition=", umfassend: ",
    single=("", " nach Anspruch "),
    several=("", " nach einem der Ansprüche 1 bis ", ""),
    further=", ferner umfassend ",
    end=".",
    unit=11.5,
)
_CHINESE = Wording(
    heads=("一种装置", "一种方法", "一种系统", "一种设备"),
    nouns=("装置", "方法", "系统", "设备"),
    features=(
        "壳体，所述壳体内设有用于容纳第一部件和第二部件的腔室",
        "控制器，用于根据测得的信号确定目标值",
        "传感器，与所述控制器连接并输出表示温度的信号",
        "驱动机构，与所述壳体连接并可在两个位置之间移动",
        "形成于基板上的第一层以及形成于所述第一层上的第二层",
        "存储单元，存储有与各运行状态对应的参数表",
        "交互接口，供用户在至少两种工作模式之间进行选择",
        "导向件，沿轴线方向延伸并限制承载件的移动",
        "比较单元，用于将所述目标值与随运行状态变化的阈值进行比较",
        "出口，处理后的介质以设定压力经所述出口离开所述腔室",
    ),
    joint="；",
    transition="，其特征在于，包括：",
    single=("根据权利要求", "所述的"),
    several=("根据权利要求1至", "中任一项所述的", ""),
    further="，其特征在于，还包括",
    end="。",
    unit=24.0,
)
BLOCK = 1_000_000  # claims whose wording is put together at once: 2 GB of text is the most that Arrow joins
_WORDINGS = {"en": _ENGLISH, "de": _GERMAN, "zh": _CHINESE}


def _features(wording: Wording, start: Ints, wanted: Ints) -> pa.Array:
    """As many features as wanted, in a round through the list from the start, joined."""
    import pyarrow as pa
    import pyarrow.compute as pc

    offsets = np.zeros(len(wanted) + 1, np.int32)
    np.cumsum(wanted, out=offsets[1:])
    inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], wanted)
    words = take_text(wording.features, (np.repeat(start, wanted) + inside) % len(wording.features))
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), words), wording.joint)


def _reference(wording: Wording, noun: Ints, target: Ints, several: Mask, chinese: bool) -> pa.Array:
    """Reference of a dependent claim to one earlier claim, or to a range of them from the first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = take_text(wording.nouns, noun)
    number = pc.cast(pa.array(target), pa.string())
    one, many = wording.single, wording.several
    if chinese:
        first = pc.binary_join_element_wise(one[0], number, one[1], name, "")
        second = pc.binary_join_element_wise(many[0], number, many[1], name, "")
    else:
        first = pc.binary_join_element_wise(one[0], name, one[1], number, "")
        second = pc.binary_join_element_wise(many[0], name, many[1], number, "")
    return pc.if_else(pa.array(several), second, first)


def _one_language(
    language: str,
    claim_set: Ints,
    rank: Ints,
    independent: Mask,
    length: Ints,
    rng: np.random.Generator,
) -> list[pa.Array]:
    """Wording of the claims of one language in blocks, rows in order of set and number."""
    wording = _WORDINGS[language]
    wanted = np.clip(np.rint(length / wording.unit), 1, 60).astype(np.int64)
    category = claim_set % len(wording.nouns)
    start = rng.integers(0, len(wording.features), len(wanted))
    earlier = np.maximum(rank - 1, 1)
    several = (earlier > 1) & (rng.random(len(rank)) < 0.3)
    target = np.where(several, earlier, 1 + (rng.random(len(rank)) * earlier).astype(np.int64))
    blocks = (slice(begin, begin + BLOCK) for begin in range(0, len(rank), BLOCK))
    return [_block(language, category[b], start[b], wanted[b], target[b], several[b], independent[b]) for b in blocks]


def _block(
    language: str,
    category: Ints,
    start: Ints,
    wanted: Ints,
    target: Ints,
    several: Mask,
    independent: Mask,
) -> pa.Array:
    """Wording of some claims of one language."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wording = _WORDINGS[language]
    features = _features(wording, start, wanted)
    head = take_text(wording.heads, category)
    alone = pc.binary_join_element_wise(head, wording.transition, features, wording.end, "")
    reference = _reference(wording, category, target, several, language == "zh")
    depending = pc.binary_join_element_wise(reference, wording.further, features, wording.end, "")
    return pc.if_else(pa.array(independent), alone, depending).cast(pa.large_string())


def claim_wording(
    right: Ints,
    claim_set: Ints,
    rank: Ints,
    independent: Mask,
    length: Ints,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Wording columns of the claims table.

    Parameters
    ----------
    right : int array
        Row of each claim's patent in rights.csv, which names the language.
    claim_set, rank : int array
        Claim set, and number of the claim in it.
    independent : bool array
        Whether the claim stands alone.
    length : int array
        Words or characters aimed at.
    rng : numpy.random.Generator
        Stream of the wording.

    Returns
    -------
    dict of str to pyarrow.Array
        ``text``; and ``independent`` and ``length``, missing where there is a text to read them from.
    """
    import pyarrow as pa

    languages = np.array(small_table("rights")["language"])[right]
    pieces, order = [], []
    for language in (*_WORDINGS, ""):
        rows = np.flatnonzero(languages == language if language else ~np.isin(languages, list(_WORDINGS)))
        order.append(rows)
        if language:
            chosen = (claim_set[rows], rank[rows], independent[rows], length[rows])
            pieces += _one_language(language, *chosen, rng)
        else:
            pieces.append(pa.nulls(len(rows), pa.large_string()))
    place = np.argsort(np.concatenate(order), kind="stable")
    text = pa.chunked_array(pieces, pa.large_string()).take(pa.array(place)).combine_chunks()
    worded = np.isin(languages, list(_WORDINGS))
    return {
        "text": text,
        "independent": pa.array(independent, mask=worded),
        "length": pa.array(length, mask=worded),
    }
