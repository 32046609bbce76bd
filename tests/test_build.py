"""The build hook: what it says about the wheel, and that a compiler that fails stops nobody."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def project(folder: Path, compiler: str) -> Path:
    """A project of the same shape, whose build does what it is told."""
    for package in ("pbx", "pbx/media", "web_panel", "examples"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    (folder / "pbx" / "media" / "build.py").write_text(f"def compile_engine(root):\n    {compiler}\n")
    (folder / "pbx" / "media" / "engine.stale.so").touch()
    (folder / "examples" / "demo.toml").touch()
    return folder


@pytest.mark.parametrize("compiler", ["return False", "raise RuntimeError('cc1: killed')", "import os; os._exit(9)"])
def test_a_compiler_that_fails_leaves_no_stale_module(hook: ModuleType, tmp_path: Path, compiler: str) -> None:
    root = project(tmp_path, compiler)
    assert hook._compile_engine(root) is False
    assert not list(root.rglob("*.so"))


def test_what_was_compiled_stays(hook: ModuleType, tmp_path: Path) -> None:
    root = project(tmp_path, "return True")
    assert hook._compile_engine(root) is True
    assert list(root.rglob("*.so"))


@pytest.mark.parametrize(("compiler", "pure"), [("return True", False), ("return False", None)])
def test_a_compiled_wheel_names_its_platform(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str, pure: bool | None
) -> None:
    monkeypatch.setattr(hook.EngineAndPanel, "_panel", lambda *_: None)
    builder = hook.EngineAndPanel(str(project(tmp_path, compiler)), {}, None, None, str(tmp_path), "wheel")
    data: dict[str, object] = {}
    builder.initialize("standard", data)
    assert data.get("pure_python") is pure
    assert data["force_include"] == {str(tmp_path / "examples" / "demo.toml"): "dzvin/demo.toml"}
