"""Debian's Chromium, for Playwright to start."""

from __future__ import annotations

import os
import shutil

CHROMIUM = os.environ.get("DZVIN_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 30_000  # milliseconds, against a hang; of itself Playwright's `expect` waits for five seconds
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"]
