"""Where the prompts are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


class PromptFiles:
    """Prompts by name: the installation's own (`DATA/prompts`), else those that come with the product.

    `menu` is looked for in the installation's language; `music/hold` has none. Names come from the configuration and
    from flows, never from a peer.
    """

    def __init__(self, own: Path, language: str) -> None:
        self.shipped = Path(str(files("callflow"))) / "prompts"
        self._places = (own / language, own, self.shipped / language, self.shipped)
        self._found: dict[str, Path] = {}

    def forget(self) -> None:
        """A prompt has come or gone."""
        self._found.clear()

    def path(self, name: str) -> Path | None:
        if name not in self._found:
            candidates = (place / f"{name}.wav" for place in self._places)
            found = next((path for path in candidates if path.is_file()), None)
            if found is None:
                return None  # not kept: people may ask for whatever they like
            self._found[name] = found
        return self._found[name]
