"""What is known of a leg's sound now, and its figures at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pbx.media.client import Event, LegStatistics, MediaQuality, MediaQuiet, MediaSilent, MediaStarted


@dataclass(slots=True)
class Sound:
    """`silent`: no RTP comes though it should. `quiet`: it comes, and nobody speaks in it for long. `on_change` hears
    of every change, `on_measured` once, after the end."""

    silent: bool = False
    quiet: bool = False
    quality: MediaQuality | None = None
    on_change: Callable[[], None] | None = None
    on_measured: Callable[[LegStatistics], None] | None = None

    def take(self, event: Event) -> None:
        match event:
            case MediaSilent():
                self.silent = True
            case MediaStarted():
                self.silent = False
            case MediaQuiet(over=over):
                self.quiet = not over
            case MediaQuality():
                self.quality = event
            case _:
                return
        if self.on_change is not None:
            self.on_change()

    def measured(self, figures: LegStatistics | None) -> None:
        """The leg has ended; None: its worker is gone, and its figures with it."""
        if figures is not None and self.on_measured is not None:
            self.on_measured(figures)
