"""When the front end is built, and when it is left alone. The real build is the browser tests' business."""

from __future__ import annotations

from pathlib import Path

import pytest

from web_panel.frontend_build import STAMP, build_frontend, source_hash


@pytest.fixture
def root(tmp_path: Path) -> Path:
    frontend = tmp_path / "web_panel" / "frontend"
    (frontend / "src").mkdir(parents=True)
    (frontend / "package.json").write_text("{}")
    (frontend / "package-lock.json").write_text("{}")
    (frontend / "src" / "main.tsx").write_text("main")
    (tmp_path / "web_panel" / "locale").mkdir()
    (tmp_path / "web_panel" / "locale" / "uk.json").write_text("{}")
    return tmp_path


def built(root: Path) -> Path:
    static = root / "web_panel" / "static"
    static.mkdir()
    (static / "index.html").write_text("built")
    (static / STAMP).write_text(source_hash(root))
    return static


def a_node(root: Path, script: str) -> Path:
    """Something that is run as Node and leaves a trace of how."""
    node = root / "node"
    node.write_text(f'#!/bin/sh\necho "$@" >> "{root}/ran"\n{script}\n')
    node.chmod(0o755)
    packages = root / "web_panel" / "frontend" / "node_modules"
    packages.mkdir(exist_ok=True)
    (packages / ".package-lock.json").write_text("{}")  # installed, and later than the lock
    return node


def test_what_is_built_from_these_sources_is_not_built_again(root: Path) -> None:
    built(root)
    assert build_frontend(root, a_node(root, "exit 1"))
    assert not (root / "ran").exists()


@pytest.mark.parametrize("changed", ["frontend/src/main.tsx", "locale/uk.json", "frontend/package-lock.json"])
def test_a_changed_source_builds_again_by_running_vite_directly(root: Path, changed: str) -> None:
    static = built(root)
    (root / "web_panel" / changed).write_text("changed")
    node = a_node(root, f'echo new > "{static}/index.html"')
    assert build_frontend(root, node)
    assert (root / "ran").read_text().split() == ["node_modules/vite/bin/vite.js", "build"]
    assert build_frontend(root, node)
    assert len((root / "ran").read_text().splitlines()) == 1


def test_a_failed_build_says_why_and_leaves_no_stamp(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not build_frontend(root, a_node(root, "echo broken >&2; exit 1"))
    assert "broken" in capsys.readouterr().out
    assert not (root / "web_panel" / "static" / STAMP).exists()


def test_without_node_it_says_so(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert not build_frontend(root, root / "nowhere" / "node")
    assert "no Node.js" in capsys.readouterr().out


def test_a_wheel_has_no_sources_and_takes_what_it_carries(tmp_path: Path) -> None:
    assert not build_frontend(tmp_path)
    (tmp_path / "web_panel" / "static").mkdir(parents=True)
    (tmp_path / "web_panel" / "static" / "index.html").write_text("built")
    assert build_frontend(tmp_path)


def test_the_lock_file_names_no_registry() -> None:
    lock = Path(__file__).parents[2] / "web_panel" / "frontend" / "package-lock.json"
    assert '"resolved"' not in lock.read_text(encoding="utf-8")


def test_versions_are_pinned_exactly() -> None:
    package = (Path(__file__).parents[2] / "web_panel" / "frontend" / "package.json").read_text(encoding="utf-8")
    assert "^" not in package.replace('"node": "^20.19.0 || >=22.12.0"', "")
    assert "~" not in package
