"""Plug-ins by name: a new model or strategy is one new module in its package."""

import pkgutil
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from lottery.errors import LotteryError


def names(package: str) -> list[str]:
    """The modules of ``package``, in alphabetical order. They are not imported."""
    modules = pkgutil.iter_modules(import_module(package).__path__)
    return sorted(module.name for module in modules)


def load(package: str, name: str, what: str) -> ModuleType:
    """The module ``package.name``, imported.

    ``what`` is the word for it in an error, such as ``model``. Raises LotteryError, with a
    suggestion, if there is no such module.
    """
    choices = names(package)
    if name not in choices:
        raise LotteryError(f"unknown {what} '{name}'{suggestion(name, choices)}")
    return import_module(f"{package}.{name}")


def suggestion(name: str, choices: list[str]) -> str:
    """The end of an error about an unknown ``name``: the choice most like it, or all of them."""
    closest = get_close_matches(name, choices, n=1)
    return f"; did you mean '{closest[0]}'?" if closest else f"; choose from {', '.join(choices)}"
