"""The pages of docs/ say nothing that does not run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import snippets

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
    contents = re.search(r"```{toctree}\n(.*?)```", index, re.DOTALL)
    assert contents is not None
    listed = {line for line in contents[1].splitlines() if line and not line.startswith(":")}
    assert listed == {page.stem for page in PAGES} - {"index"}


def test_a_wrong_snippet_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\n>>> 1 + 1\n3\n\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected:\n    3"):
        snippets.run(page, None)
    page.write_text("```python\nassert 1 + 1 == 3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        snippets.run(page, None)
