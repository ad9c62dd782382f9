"""Registered things are modules: a new model or strategy is one new file in its package."""

import pkgutil
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from lottery.errors import LotteryError


def names(package: str) -> list[str]:
    """The modules of ``package``, in alphabetical order."""
    found = pkgutil.iter_modules(import_module(package).__path__)
    return sorted(module.name for module in found)


def load(package: str, name: str, what: str) -> ModuleType:
    """Import ``package.name``; ``what`` is what to call it in the error.

    Raises LotteryError, with the known names, if there is no such module.
    """
    known = names(package)
    if name not in known:
        raise LotteryError(f"unknown {what} '{name}'{suggestion(name, known)}")
    return import_module(f"{package}.{name}")


def suggestion(name: str, known: list[str]) -> str:
    """The end of an error about an unknown name: the nearest known one, or all of them."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(known)}"
