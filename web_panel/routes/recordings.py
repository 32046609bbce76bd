"""Listening to recordings: by right, and every listening is noted."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from crm_core import events
from crm_core.access import NotFound, Right
from crm_core.organisation import User
from recordings.encode import MEDIA_TYPES, SUFFIXES, Format
from web_panel.auth import needs
from web_panel.ports import PanelServices
from web_panel.recording_audio import RecordingAudio, parse_range
from web_panel.routes.dependencies import UserRequest


class RecordingController(Controller):
    path = "/api/recordings"
    tags = ("recordings",)

    @get("/{recording_id:uuid}", opt={"rule": needs(Right.LISTEN_RECORDINGS)}, media_type="audio/wav")
    async def listen(
        self,
        recording_id: FromPath[UUID],
        request: UserRequest,
        user: NamedDependency[User],
        services: NamedDependency[PanelServices],
        download: FromQuery[bool] = False,
        kind: FromQuery[Format] = "wav",
    ) -> Response[bytes]:
        """The recording as WAV, MP3 or Ogg Opus (stereo, one party a channel), whole or by range. Each time somebody
        begins to listen the right is checked and the listening noted in the audit; the ranges that follow belong to
        that listening."""
        audio: RecordingAudio = request.app.state["audio"]
        now, wanted = services.clock(), request.headers.get("range")
        begins = download or wanted is None or wanted.startswith("bytes=0-")
        sound = None if begins else audio.may_continue(user.id, recording_id, kind, now)
        if sound is None:
            async with services.pool.acquire(timeout=3) as conn:
                recording = await events.recording(conn, user, recording_id)
            try:
                sound = await audio.sound(user.id, recording_id, recording.file, kind, now)
            except FileNotFoundError:
                raise NotFound(recording_id) from None
        headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
        if download:
            headers["Content-Disposition"] = f'attachment; filename="{recording_id}.{SUFFIXES[kind]}"'
        part = parse_range(wanted, len(sound))
        if part is None:
            return Response(sound, headers=headers, media_type=MEDIA_TYPES[kind])
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{len(sound)}"
        return Response(
            sound[part.first : part.last + 1], headers=headers, media_type=MEDIA_TYPES[kind], status_code=206
        )
