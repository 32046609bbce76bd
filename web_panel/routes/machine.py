"""What other programs ask: is it well, how is it, what does the API look like."""

from __future__ import annotations

from litestar import Response, get
from litestar.di import NamedDependency

from web_panel.auth import PUBLIC, TRUSTED_OR_ADMIN
from web_panel.ports import PanelServices


@get("/health", opt={"rule": PUBLIC}, tags=["machine"])
async def health(services: NamedDependency[PanelServices]) -> Response[dict[str, object]]:
    """200 while calls can be made, else 503; `parts` names what ails."""
    found = services.health()
    body: dict[str, object] = {"status": "ok" if found.ok else "degraded", "parts": dict(found.parts)}
    return Response(body, status_code=200 if found.ok else 503)


@get("/metrics", opt={"rule": TRUSTED_OR_ADMIN}, tags=["machine"], media_type="text/plain; version=0.0.4")
async def metrics(services: NamedDependency[PanelServices]) -> bytes:
    """Prometheus text. For trusted addresses and administrators."""
    return services.metrics()
