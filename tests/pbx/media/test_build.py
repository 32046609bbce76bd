"""Without a compiler or Python's headers nothing fails: the reason is said, and the engine runs interpreted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import pbx
from pbx.media import build

SOURCE = Path(pbx.__file__).parent.parent
COMPILE = """
from pathlib import Path
from pbx.media.build import compile_engine
print(compile_engine(Path({root!r})))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The engine's sources alone."""
    folder = tmp_path / "pbx" / "media"
    folder.mkdir(parents=True)
    for name in ("pbx", "pbx/media"):
        (tmp_path / name / "__init__.py").touch()
    for path in (SOURCE / "pbx" / "media").iterdir():
        if path.suffix in (".py", ".pxd"):
            shutil.copy(path, folder)
    return tmp_path


def test_without_headers(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": "/nowhere"})
    assert not build.compile_engine(project)
    assert "/nowhere/Python.h" in capsys.readouterr().err


@pytest.mark.skipif(not (Path(sysconfig.get_paths()["include"]) / "Python.h").exists(), reason="no headers here")
def test_without_a_compiler(project: Path) -> None:
    code = COMPILE.format(root=str(project))
    environment = os.environ | {"CC": "/nowhere/cc", "LDSHARED": "/nowhere/cc"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCE, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("False")
    assert "media engine not compiled" in done.stderr
    assert not list(project.rglob("*.so"))
