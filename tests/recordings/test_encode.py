"""Recordings as files for other programs: what is in them is what was said."""

from __future__ import annotations

import io
from array import array
from pathlib import Path

import av
import pytest

from recordings.container import Damaged
from recordings.encode import Format, export
from recordings.records import Audio, End, Pause, Resume
from tests.pbx.media.tones import tone
from tests.recordings.test_export import RING, written
from tests.support.tones import level


def decoded(sound: bytes, rate: int) -> list[bytes]:
    """Each channel as samples."""
    octets = bytearray()
    with av.open(io.BytesIO(sound)) as file:
        assert isinstance(file, av.container.InputContainer)
        to_pcm = av.AudioResampler(format="s16", layout="stereo", rate=rate)
        for frame in file.decode(audio=0):
            for piece in to_pcm.resample(frame):
                octets += bytes(piece.planes[0])[: 4 * piece.samples]
    samples = array("h", bytes(octets))
    return [samples[number::2].tobytes() for number in range(2)]


@pytest.mark.parametrize("form", ["wav", "mp3", "opus"])
def test_each_party_is_on_its_channel_and_in_its_time(tmp_path: Path, form: Format) -> None:
    path = written(
        tmp_path / "a.dzr",
        Audio(0, (tone(440, 2.0), tone(1000, 2.0))),
        Pause(16_000),
        Resume(32_000),
        Audio(32_000, (tone(600, 2.0), tone(1600, 2.0))),
        End(48_000, cut=False),
    )
    out = io.BytesIO()
    assert export(path, RING, out, form).seconds == 6.0
    left, right = decoded(out.getvalue(), 8000)
    assert abs(len(left) / 16_000 - 6.0) < 0.15
    for sound, first, second in ((left, 440, 600), (right, 1000, 1600)):
        assert level(sound[8000:24_000], first) > -3
        assert level(sound[72_000:88_000], second) > -3
        assert max(map(abs, array("h", sound[40_000:56_000]))) < 500, "the pause is silent"


@pytest.mark.parametrize("form", ["wav", "mp3", "opus"])
def test_an_altered_recording_is_not_exported(tmp_path: Path, form: Format) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (tone(440, 0.5), tone(1000, 0.5))), End(4000, cut=False))
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    out = io.BytesIO()
    with pytest.raises(Damaged):
        export(path, RING, out, form)
    assert out.getvalue() == b""


def test_a_compressed_recording_is_small(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dzr", Audio(0, (tone(440, 10.0), tone(1000, 10.0))), End(80_000, cut=False))
    sizes: dict[Format, int] = {}
    for form in ("wav", "mp3", "opus"):
        out = io.BytesIO()
        export(path, RING, out, form)
        sizes[form] = len(out.getvalue())
    assert sizes["wav"] == 44 + 4 * 80_000
    assert max(sizes["mp3"], sizes["opus"]) < sizes["wav"] / 2
