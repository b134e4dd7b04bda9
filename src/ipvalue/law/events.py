"""Register events: the codes and texts of the offices are translated to one operator an event.

An event is read by its code (table ``event_map``, office by office; ST.27 events by their detailed and key
event codes, tables ``st27_codes`` and ``inpadoc_categories``). Where the code is coarse, missing or
unknown, the text decides: Chinese gazette texts by the ordered rules ``cn_text_rules`` (the first match
wins), US and EP texts by ``text_rules``. An event that neither the code nor the text explains becomes an
operator that changes nothing. It is marked as not known and counted.

References
----------
WIPO Standard ST.27 (2024), exchange of patent legal status data; EPO, INPADOC classification scheme;
CNIPA, codes of legal-status announcements.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ipvalue.law._codes import codes_of, joint_codes
from ipvalue.law._tables import rows
from ipvalue.law.states import DEAD, State
from ipvalue.types import Ints, Mask

__all__ = ["Effect", "Operators", "encode", "ep_states", "precedence_of"]


class Effect(IntEnum):
    """What an event does; table ``effects`` has the rule of each."""

    INFO = 0
    SET = 1
    ADVANCE = 2
    SET_IF_PENDING = 3
    SET_IF_GRANTED = 4
    TERMINATE = 5
    REVIVE = 6
    REVIVE_GRANT = 7
    STATE_LOSS = 8
    STATE_PAY = 9
    STATE_REVIVE = 10
    PAY = 11
    EXTEND = 12
    OWNER = 13
    OWNER_NAME = 14
    PLEDGE_ON = 15
    PLEDGE_OFF = 16
    PLEDGE_MOD = 17
    PRESERVE_ON = 18
    PRESERVE_OFF = 19
    LICENCE_ON = 20
    LICENCE_OFF = 21
    LICENCE_MOD = 22
    OPEN_ON = 23
    OPEN_OFF = 24
    CHALLENGE_ON = 25
    CHALLENGE_OFF = 26
    PARTIAL_INVALID = 27
    AMENDED = 28
    SUSPEND_ON = 29
    SUSPEND_OFF = 30
    LITIGATION = 31
    CANCEL = 32


class Operators(NamedTuple):
    """Operators of events, one element an event."""

    effect: npt.NDArray[np.int8]
    """:class:`Effect`."""
    target: npt.NDArray[np.int8]
    """State that the effect sets, ``State.UNKNOWN`` where it sets none."""
    precedence: npt.NDArray[np.int8]
    """Order among the events of one day: the higher is later."""
    year: npt.NDArray[np.int8]
    """Fee year that the code or text itself names, 0 where it names none."""
    state: npt.NDArray[np.int8]
    """Contracting state that the code itself names, index into :func:`ep_states`; 0 where it names none."""
    known: Mask
    """False where neither the code nor the text is known: the operator does nothing."""

    def take(self, where: npt.NDArray[Any]) -> Operators:
        """Operators of some of the events, by index or mask."""
        taken: list[Any] = [column[where] for column in self]
        return Operators(*taken)


class _Meaning(NamedTuple):
    effect: Effect
    target: State = State.UNKNOWN
    year: int = 0
    state: int = 0
    known: bool = True
    text_decides: bool = False


_UNKNOWN = _Meaning(Effect.INFO, known=False, text_decides=True)


def ep_states() -> list[str]:
    """Contracting states of the European Patent Convention by number.

    Returns
    -------
    list of str
        ST.3 codes; index 0 is the empty string.

    Examples
    --------
    >>> ep_states()[:3]
    ['', 'BE', 'DE']
    """
    return ["", *(row["state"] for row in rows("ep_states"))]


def _meaning(row: dict[str, str]) -> _Meaning:
    """Meaning of a row of a table of facts."""
    return _Meaning(
        effect=Effect[row["effect"]],
        target=State[row["operand"]] if row["operand"] else State.UNKNOWN,
        year=int(row.get("year") or 0),
        state=ep_states().index(row.get("state") or ""),
        text_decides=row.get("text_decides") == "1",
    )


@cache
def _by_code() -> dict[tuple[str, str], _Meaning]:
    return {(row["office"], row["code"]): _meaning(row) for row in rows("event_map")}


@cache
def _by_category() -> dict[str, _Meaning]:
    return {row["letter"]: _meaning(row) for row in rows("inpadoc_categories")}


@cache
def _by_detail() -> dict[str, _Meaning]:
    return {row["code"]: _meaning(row) for row in rows("st27_codes") if row["effect"]}


@cache
def _cn_rules() -> list[tuple[re.Pattern[str], _Meaning]]:
    return [(re.compile(row["regex"]), _meaning(row)) for row in rows("cn_text_rules")]


@cache
def _text_rules() -> dict[tuple[str, str], list[tuple[re.Pattern[str], _Meaning]]]:
    rules: dict[tuple[str, str], list[tuple[re.Pattern[str], _Meaning]]] = {}
    for row in rows("text_rules"):
        rule = (re.compile(row["regex"]), _meaning(row))
        rules.setdefault((row["office"], row["code"]), []).append(rule)
    return rules


@cache
def _precedences() -> npt.NDArray[np.int8]:
    """Order within a day by (effect, target state)."""
    table = np.zeros((len(Effect), len(State)), dtype=np.int8)
    for row in rows("effects"):
        name, _, target = row["effect"].partition(":")
        if target == "dead":
            table[Effect[name], DEAD] = int(row["precedence"])
        elif target:
            table[Effect[name], State[target]] = int(row["precedence"])
        else:
            table[Effect[name], :] = int(row["precedence"])
    return table


def precedence_of(effect: npt.NDArray[np.int8], target: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Order of effects among the events of one day.

    Parameters
    ----------
    effect, target : int8 arrays, shape (n,)
        :class:`Effect` and :class:`~ipvalue.law.states.State`.

    Returns
    -------
    int8 array, shape (n,)
        The higher is later: revivals after losses after grants after steps of the procedure.

    Examples
    --------
    >>> precedence_of(np.array([Effect.REVIVE], np.int8), np.array([0], np.int8)).tolist()
    [95]
    """
    return _precedences()[effect, target]


_ST27_EVENT = re.compile(r"(?<![A-Z0-9])[A-Z]\d\d(?!\d)")


def _st27(code: str) -> _Meaning:
    """An ST.27 code such as ``N-4-6-H10-H13-OTH-PC1903``: by detailed event, else by key event."""
    found = _ST27_EVENT.findall(code)
    for event in reversed(found):
        if event in _by_detail():
            return _by_detail()[event]
    letter = found[0][0] if found else code[:1] if len(code) == 1 else ""
    return _by_category().get(letter, _UNKNOWN)


def _coded(office: str, scheme: str, code: str) -> _Meaning:
    """Meaning of a code, before any text is read; ``EXP.`` is ``EXP``, but ``PA..`` is not ``PA``."""
    written = code.strip().upper()
    code = written.rstrip(".")
    if scheme.strip().lower() == "st27":
        return _st27(code)
    found = _by_code().get((office, written)) or _by_code().get((office, code)) or _by_code().get(("*", code))
    return found or _UNKNOWN


_CN_NOISE = re.compile(r"[①-⑳]|[(\uff08]\d+[)\uff09]|[()\uff08\uff09\[\]【】\s]")


def _first_match(rules: list[tuple[re.Pattern[str], _Meaning]], text: str) -> _Meaning | None:
    return next((meaning for pattern, meaning in rules if pattern.search(text)), None)


def _by_text(office: str, code: str, coded: _Meaning, text: str) -> _Meaning:
    """Meaning of an event whose text decides; the code's own meaning where no text rule matches."""
    if office == "CN":
        return _first_match(_cn_rules(), _CN_NOISE.sub("", text)) or coded
    rules = _text_rules().get((office, code.strip().upper().rstrip(".")), [])
    return _first_match(rules, text.upper()) or coded


def encode(office: Any, scheme: Any, code: Any, text: Any = "") -> Operators:
    """Operators of register events.

    Parameters
    ----------
    office : array-like of str, shape (n,)
        Office that recorded the event, ST.3 code.
    scheme : array-like of str, shape (n,)
        ``'st27'``, ``'inpadoc'``, ``'cnipa'`` or ``'uspto'``; all but the first share one map of codes.
    code : array-like of str, shape (n,)
        Event code; may be empty where the text identifies the event.
    text : array-like of str, shape (n,), optional
        Text of the entry; read only where the code leaves something open.

    Returns
    -------
    Operators
        Arrays of shape (n,). An unknown event has ``known`` False and the effect INFO.

    Examples
    --------
    >>> operators = encode(["CN", "KR", "US"], ["cnipa", "st27", "uspto"], ["CF01", "N-4-6-H10-H13", "?"])
    >>> [Effect(effect).name for effect in operators.effect], operators.known.tolist()
    (['SET', 'SET_IF_GRANTED', 'INFO'], [True, True, False])
    """
    office_codes, offices = codes_of(office)
    scheme_codes, schemes = codes_of(scheme)
    event_codes, names = codes_of(code)
    parts = np.broadcast_arrays(office_codes, scheme_codes, event_codes)
    codes, combinations = joint_codes(*parts)
    triples = [(offices[place], schemes[kind], names[name]) for place, kind, name in combinations.tolist()]
    meanings = [_coded(*triple) for triple in triples]
    open_to_text = np.array([meaning.text_decides for meaning in meanings] or [False])[codes]
    if not open_to_text.any():
        return _gather(meanings, codes)
    where = np.flatnonzero(open_to_text)
    texts = np.broadcast_to(np.asarray(text, dtype=object), codes.shape)[where]
    text_codes, entries = codes_of(texts)
    told, pairs = joint_codes(codes[where], text_codes)
    spread = codes.copy()
    spread[where] = len(meanings) + told
    for triple, entry in pairs.tolist():
        place, _, name = triples[triple]
        meanings.append(_by_text(place, name, meanings[triple], entries[entry]) if entry else meanings[triple])
    return _gather(meanings, spread)


def _gather(meanings: list[_Meaning], codes: Ints) -> Operators:
    """Operators of all events from the meanings of the distinct ones."""
    effect = np.array([meaning.effect for meaning in meanings], dtype=np.int8)
    target = np.array([meaning.target for meaning in meanings], dtype=np.int8)
    columns = (
        effect,
        target,
        precedence_of(effect, target),
        np.array([meaning.year for meaning in meanings], dtype=np.int8),
        np.array([meaning.state for meaning in meanings], dtype=np.int8),
    )
    known = np.array([meaning.known for meaning in meanings], dtype=bool)
    effect, target, precedence, year, state = (column[codes] for column in columns)
    return Operators(effect, target, precedence, year, state, known[codes])
