"""What phones are offered: what the configuration names, and only what loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from dzvin import config
from dzvin.codecs import spoken
from dzvin.config_shape import CODECS
from pbx.media import codec_libraries
from pbx.media.codec_libraries import LIBRARIES, LibraryMissing, loaded, why_not
from pbx.media.engine_numbers import OPUS


def test_the_order_is_that_of_the_configuration() -> None:
    assert [codec.name for codec in spoken(("pcmu", "pcma"))] == ["PCMU", "PCMA", "telephone-event"]


def test_what_does_not_load_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dzvin.codecs.why_not", lambda number: "no such library" if number == OPUS else None)
    names = [codec.name for codec in spoken(CODECS)]
    assert "opus" not in names
    assert names == ["PCMA", "PCMU", "G722", "GSM", "speex", "speex", "telephone-event"]


def test_a_library_that_is_not_there_says_which_package_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_libraries, "CDLL", lambda name: (_ for _ in ()).throw(OSError(f"{name}: not found")))
    loaded.cache_clear()
    try:
        for number, library in LIBRARIES.items():
            assert why_not(number) == f"{library.soname}: not found; on Debian: apt-get install {library.package}"
            with pytest.raises(LibraryMissing):
                loaded(number)
    finally:
        loaded.cache_clear()


def test_without_g711_nothing_can_be_told_to_trunks_and_browsers(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[media]\ncodecs = ["opus"]\n')
    (problem,) = config.check(file)
    assert "media.codecs" in str(problem)
    assert "pcma" in str(problem)
