"""The README says nothing that does not run: its Python here, its two commands in .ci/run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import snippets

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


@pytest.mark.parametrize("library", snippets.libraries(README), ids=str)
def test_snippets(library: str | None) -> None:
    snippets.need(library)
    snippets.run(README, library)


def test_the_commands_of_the_readme_are_those_that_ci_runs() -> None:
    commands = re.findall(r"^```sh\n(.*?)\n```$", TEXT, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    assert "readme_commands" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in commands:
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")


def test_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)", TEXT) if "://" not in target]
    assert "docs/design.md" in targets
    for target in targets:
        assert (ROOT / target).exists(), target
