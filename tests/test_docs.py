"""The pages of docs/ say nothing that does not run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import snippets

import clumsygrad as cg

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
RUN = [
    (page, library) for page in PAGES if snippets.blocks(page) for library in snippets.libraries(page) if page.name != "design.md"
]


@pytest.mark.parametrize(("page", "library"), RUN, ids=[f"{page.stem}-{library or 'numpy'}" for page, library in RUN])
def test_snippets(page: Path, library: str | None) -> None:
    snippets.need(library)
    if "os.environ" in page.read_text(encoding="utf-8"):
        snippets.run_apart(page, library)
    else:
        snippets.run(page, library)


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    contents = re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL)
    listed = [line for part in contents for line in part.splitlines() if line and not line.startswith(":")]
    assert sorted(listed) == sorted({page.stem for page in PAGES} - {"index"})


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        found = page.parent / target if target else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}, anchor


def test_densities_are_scipys() -> None:
    """The table of log densities in docs/scipy.md."""
    stats, special = pytest.importorskip("scipy.stats"), cg.special
    x, m, s, v, a, b, k, n, p = (np.asarray(value) for value in (0.3, 0.2, 1.3, 3.1, 1.7, 2.2, 3.0, 7.0, 0.4))
    expected = {
        "normal (m, s)": stats.norm.logpdf(x, m, s),
        "its distribution function": stats.norm.logcdf(x, m, s),
        "Student's t (v)": stats.t.logpdf(x, v),
        "gamma (a, scale s)": stats.gamma.logpdf(x, a, scale=s),
        "beta (a, b)": stats.beta.logpdf(x, a, b),
        "Poisson (mean m)": stats.poisson.logpmf(k, m),
        "binomial (n, p)": stats.binom.logpmf(k, n, p),
        "Dirichlet (a)": stats.dirichlet.logpdf([0.2, 0.5, 0.3], [1.2, 2.3, 0.7]),
    }
    table = (DOCS / "scipy.md").read_text(encoding="utf-8").partition("## Densities")[2].partition("```")[0]
    rows = dict(re.findall(r"^\| (.+) \| `(.+)` \|$", table, re.MULTILINE))
    assert rows.keys() == expected.keys()
    for name, formula in rows.items():
        values = {"np": np, "special": special, "x": x, "m": m, "s": s, "v": v, "a": a, "b": b, "k": k, "n": n, "p": p}
        if name.startswith("Dirichlet"):
            values |= {"x": np.asarray([0.2, 0.5, 0.3]), "a": np.asarray([1.2, 2.3, 0.7])}
        assert np.isclose(eval(formula, values), expected[name], rtol=1e-13), name
        for one in sorted(set(re.findall(r"\b[a-z]\b", formula))):  # a tensor among plain data
            leaf = cg.Tensor(values[one], requires_grad=True)
            found = eval(formula, values | {one: leaf})
            assert np.isclose(found.detach().data, expected[name], rtol=1e-13), (name, one)
            found.backward()
            assert np.isfinite(leaf.grad).all(), (name, one)


def test_a_wrong_snippet_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\n>>> 1 + 1\n3\n\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected:\n    3"):
        snippets.run(page, None)
    page.write_text("```python\nassert 1 + 1 == 3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        snippets.run(page, None)
