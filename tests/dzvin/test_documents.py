"""The documents tell what is there: every setting, every make target, every file that they point to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

from dzvin.config_shape import Config, Table

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/configuration.md")


def keys() -> list[tuple[str, str]]:
    found = []
    for section, hint in get_type_hints(Config).items():
        shape = get_args(hint)[0] if get_origin(hint) is tuple else hint
        if isinstance(shape, type) and issubclass(shape, Table):
            found += [(section, key) for key in shape.__struct_fields__]
        else:
            found.append(("", section))
    return found


@pytest.mark.parametrize(("section", "key"), keys())
def test_every_setting_is_explained(section: str, key: str) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert (
        f"`[{section}] {key}`" in text
        or re.search(rf"^### `\[+{section}\]+`(?:(?!^### ).)*`{key}`", text, re.S | re.M)
        or (not section and f"| `{key}` |" in text)
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    inside = [link for link in links if not link.startswith("http") and not link.startswith("docs/images/")]
    assert [link for link in inside if not (ROOT / document).parent.joinpath(link).exists()] == []


def test_every_make_target_that_a_document_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCUMENTS:
        for target in re.findall(r"make ([a-z]+(?:-[a-z]+)*)", (ROOT / document).read_text()):
            assert re.search(rf"^{target}:", makefile, re.M), (document, target)
