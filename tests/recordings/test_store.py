"""Where recordings lie."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from recordings.store import OutsideStore, Store

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def test_a_recording_lies_below_the_set_folder_by_its_utc_date_and_id(tmp_path: Path) -> None:
    store = Store(tmp_path)
    night_in_kyiv = datetime(2030, 1, 8, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    relative = store.relative_path(ID, night_in_kyiv)
    assert relative == f"2030/01/07/{ID}.dzr"
    assert store.path(relative) == tmp_path / "2030" / "01" / "07" / f"{ID}.dzr"


@pytest.mark.parametrize(
    "relative", ["../a.dzr", "/etc/passwd", "/etc/a.dzr", "2030/../../a.dzr", "a.wav", "", ".", "link/a.dzr"]
)
def test_nothing_outside_is_reached(tmp_path: Path, relative: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(OutsideStore):
        Store(root).path(relative)
