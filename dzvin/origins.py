"""The pages that may open a WebSocket for SIP, by their origin (RFC 6454)."""

from __future__ import annotations

from urllib.parse import urlsplit

from dzvin.config import Config


class Origins:
    """An exact list: the panel's own page and those of `[sip] origins`. `own` also gets the address at which the panel
    turns out to be."""

    def __init__(self, config: Config) -> None:
        self._others = frozenset(config.sip.origins)
        self.own: set[str] = set()
        if config.http.public_url:
            parts = urlsplit(config.http.public_url)
            self.own.add(f"{parts.scheme}://{parts.netloc}".lower())

    def __call__(self, origin: str) -> bool:
        return origin in self._others or origin in self.own
