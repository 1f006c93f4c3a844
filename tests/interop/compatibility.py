"""Writes docs/compatibility.md: what works, found by running every row. `python tests/interop/compatibility.py --write`, or `--check`.

`--check` fails where the page says something else than what was found. The page names the versions that it was made with; they may
differ.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import consumers
import numpy as np
from apart import dispatches
from rows import Refusal
from table import Case

PAGE = Path(__file__).parent.parent.parent / "docs" / "compatibility.md"
NAMES = {
    "array_api_extra": "array-api-extra",
    "einops": "einops",
    "opt_einsum": "opt_einsum",
    "scipy": "SciPy",
    "sklearn": "scikit-learn",
    "xarray": "xarray",
}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "strict-device1": "array-api-strict"}
OPENING = """\
# What works with code that others wrote

Functions of other packages that were called on Tensors, and what came of it: `nox -s interop` runs every line and compares it with this
page, which `nox -s interop -- --write` writes. After a hyphen stands what is special about the call.

* **first**, **second**: gradients of this order agree with finite differences to 1e-6, over NumPy, in float64.
* **strict**, **torch**: over array-api-strict on `device1`, and over torch, values are the package's own, and gradients those over NumPy.
  "—": the package does not take that library's own arrays here.
* What to write in the place of what raises: [](scipy.md), [](einops_xarray.md).
* SciPy was imported with `SCIPY_ARRAY_API=1`, scikit-learn called inside `config_context(array_api_dispatch=True)`.
"""


def outcome(check: Callable[..., None], *arguments: object) -> str:
    """ "yes", or what a check raises."""
    try:
        check(*arguments)
    except Exception as error:
        return f"no: {type(error).__name__}"
    return "yes"


def elsewhere(case: Case, name: str) -> str:
    backend = consumers.ELSEWHERE[name]
    if case.cannot_run_on(backend):
        return "—"
    with backend.active():
        expected, reason = consumers.of_its_own(case, backend)
        return "—" if reason else outcome(consumers.check_elsewhere, case, backend, expected)


def line_of(case: Case) -> str:
    """A row of the table of what works."""
    first = outcome(consumers.check_value, case)
    first = outcome(consumers.check_first_order, case) if first == "yes" else first
    second = outcome(consumers.check_second_order, case) if case.order > 1 else f"— {case.reason}"
    return _line(f"`{case.name}`", first, second, *[elsewhere(case, name) for name in consumers.ELSEWHERE])


def refusal_line(refusal: Refusal) -> str:
    """A row of the table of what raises."""
    error = consumers.refused_with(refusal)
    text = "loses the gradient" if error is None else f"{type(error).__name__}: {error}"
    return _line(f"`{refusal}`", " ".join(text.split()).replace("|", "\\|").replace("<", "\\<"))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def versions() -> str:
    """What the page was made with."""
    packages = ["numpy", *consumers.PACKAGES, *consumers.ELSEWHERE]
    found = [(DISTRIBUTIONS.get(name, name), importlib.metadata.version(DISTRIBUTIONS.get(name, name))) for name in packages]
    return "Made with " + ", ".join(f"{name} {version.partition('+')[0]}" for name, version in found) + "."


def summary() -> list[str]:
    """How many distinct functions of each package work."""
    lines = [_line("package", "distinct functions that work"), "|---|---|"]
    return lines + [_line(NAMES.get(package, f"`{package}`"), str(count)) for package, count in consumers.counts().items()]


def page() -> str:
    """The page, anew."""
    parts = [OPENING, versions(), "", *summary(), ""]
    for package in consumers.PACKAGES:
        parts += [f"## {NAMES.get(package, package)}", ""]
        cases = [case for case in consumers.CASES if case.name.partition(".")[0] == package]
        parts += [_line("function", "first", "second", "strict", "torch"), "|---|---|---|---|---|"]
        parts += [*map(line_of, sorted(cases, key=str)), ""]
        refusals = [refusal for refusal in consumers.REFUSALS if str(refusal).partition(".")[0] == package]
        if refusals:
            parts += ["These raise, rather than lose the gradient:", "", _line("function", "raises"), "|---|---|"]
            parts += [*map(refusal_line, sorted(refusals, key=str)), ""]
    return "\n".join(parts)


def differences(old: str, new: str) -> list[str]:
    """Lines of tables that one page has and the other has not; what the versions are does not count."""
    rows = [{line for line in text.splitlines() if line.startswith("| ")} for text in (old, new)]
    return [f"- {line}" for line in sorted(rows[0] - rows[1])] + [f"+ {line}" for line in sorted(rows[1] - rows[0])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the page")
    what.add_argument("--check", action="store_true", help="fail where the page is out of date")
    arguments = parser.parse_args()
    if not dispatches():
        parser.error("SCIPY_ARRAY_API=1 must be set")
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        new = page()
    if arguments.write:
        PAGE.write_text(new, encoding="utf-8")
        return 0
    found = differences(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "", new)
    print(
        "\n".join([*found, f"{PAGE.name} is out of date: nox -s interop -- --write"] if found else [f"{PAGE.name} is up to date"])
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
