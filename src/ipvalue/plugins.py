"""Installed packages that extend ipvalue: found by entry points, and named with their versions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, packages_distributions, version

from ipvalue.features.base import families

__all__ = ["GROUPS", "distribution_of", "found_points", "versions_of"]

GROUPS = ("ipvalue.methods", "ipvalue.features", "ipvalue.reconciliations")
"""Entry points through which a package adds methods, feature families and reconciliations."""


def found_points() -> list[EntryPoint]:
    """Entry points of all installed plug-ins, in the order of their groups and names."""
    return [point for group in GROUPS for point in sorted(entry_points(group=group), key=lambda point: point.name)]


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def distribution_of(module: str) -> str:
    """Name and version of the package that contains a module; the module itself where it is in no package.

    Examples
    --------
    >>> distribution_of("a_notebook")
    'a_notebook (in no installed package)'
    """
    top = module.partition(".")[0]
    for name in _distributions().get(top, []):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return f"{top} (in no installed package)"


def versions_of(kinds: Iterable[type], features: Iterable[str]) -> dict[str, str]:
    """Packages other than ipvalue that provide these classes and features.

    Parameters
    ----------
    kinds : iterable of type
        Methods and reconciliations.
    features : iterable of str
        Names of features.

    Returns
    -------
    dict of str to str
        Package and version by class or family; empty where everything belongs to ipvalue.
    """
    wanted = {*features}
    brought = {kind.__name__: kind.__module__ for kind in kinds}
    for family in families().values():
        if wanted & {feature.name for feature in family.features}:
            brought[f"features {family.name}"] = family.compute.__module__
    return {
        name: distribution_of(module)
        for name, module in sorted(brought.items())
        if module.partition(".")[0] != "ipvalue"
    }
