"""What clumsygrad registers with other libraries, and when. (That it works is told by tests/interop.)"""

from __future__ import annotations

import subprocess
import sys

import pytest

USE = "import clumsygrad as cg; assert einops.rearrange(cg.zeros((2, 3)), 'a b -> b a').shape == (3, 2)"


def run(code: str) -> None:
    """In a new process, where nothing is imported yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def test_importing_clumsygrad_imports_none_of_them():
    run("import sys, clumsygrad; assert not {'einops', 'sklearn', 'xarray'} & sys.modules.keys()")


@pytest.mark.parametrize(
    "imports",
    [
        "import clumsygrad, einops, clumsygrad.integrations.einops",
        "import clumsygrad.integrations.einops, einops",
        "import einops, clumsygrad",
    ],
)
def test_einops_takes_tensors(imports):
    pytest.importorskip("einops")
    run(f"{imports}; {USE}")
