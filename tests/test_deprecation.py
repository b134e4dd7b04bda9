"""A deprecated name still works, warns once for each line that uses it, and says what to write instead."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from ipvalue._deprecation import deprecated, warn_deprecated

MESSAGE = "is deprecated since ipvalue 0.2.0 and will be removed in 0.4.0: write present_value() instead"


@deprecated(since="0.2.0", removal="0.4.0", instead="present_value()")
def old_value(flow: float, *, rate: float = 0.1) -> float:
    """Value of a flow."""
    return flow / rate


def test_a_deprecated_function_does_what_it_did_and_names_its_successor() -> None:
    with pytest.warns(DeprecationWarning) as caught:
        assert old_value(5.0, rate=0.5) == 10.0
    assert [str(w.message) for w in caught] == [f"old_value() {MESSAGE}"]
    assert (old_value.__name__, old_value.__doc__) == ("old_value", "Value of a flow.")


def test_the_warning_points_at_the_user_s_line() -> None:
    with pytest.warns(DeprecationWarning) as caught:
        old_value(1.0)
    assert caught[0].filename == __file__


def test_a_line_warns_once_and_another_line_again() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            old_value(1.0)
        old_value(2.0)
    assert len(caught) == 2
    assert caught[0].lineno != caught[1].lineno


def test_where_warnings_are_errors_every_use_is_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(DeprecationWarning, match=r"write present_value\(\) instead"):
                old_value(1.0)


def test_the_level_says_whose_line_it_is() -> None:
    def renamed_argument() -> None:
        warn_deprecated("revalue(jobs=)", since="0.2.0", removal="0.4.0", instead="revalue(workers=)")

    with pytest.warns(DeprecationWarning, match=r"revalue\(jobs=\) is deprecated") as caught:
        renamed_argument()
    assert caught[0].lineno == renamed_argument.__code__.co_firstlineno + 4


def test_a_script_of_a_user_shows_it_without_any_setting() -> None:
    code = (
        "from ipvalue._deprecation import deprecated\n"
        "@deprecated(since='0.2.0', removal='0.4.0', instead='new()')\n"
        "def old(): pass\n"
        "old()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "DeprecationWarning: old() is deprecated" in run.stderr
