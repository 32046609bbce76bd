"""`dzvin user add`: a person who can sign in afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crm_core.database import open_pool
from crm_core.organisation import Role, by_login
from dzvin.cli import app
from web_panel.passwords import Passwords


@pytest.fixture
def file(tmp_path: Path, database_url: str) -> Path:
    path = tmp_path / "dzvin.toml"
    path.write_text(f'database.url = "{database_url}"\n[[extensions]]\nnumber = "1001"\npassword = "pw"\n')
    return path


def add(file: Path, login: str, *words: str, password: str = "a-good-one") -> Result:
    given = ["user", "add", login, "--full-name", "Леся", "--password", password]
    return CliRunner().invoke(app, [*given, *words, "--data", str(file.parent / "data"), "--config", str(file)])


def test_the_new_person_can_sign_in(file: Path, database_url: str) -> None:
    result = add(file, "lesia", "--role", "supervisor", "--extension", "1001")
    assert (result.exit_code, result.output.strip()) == (0, "lesia can sign in")

    async def stored() -> None:
        pool = await open_pool(database_url, min_size=1)
        async with pool.acquire() as conn:
            found = await by_login(conn, "lesia")
        await pool.close()
        assert found is not None
        user, password_hash = found
        assert (user.full_name, user.role, user.extension) == ("Леся", Role.SUPERVISOR, "1001")
        assert await Passwords().verify(password_hash, "a-good-one")

    asyncio.run(stored())


@pytest.mark.parametrize(
    ("words", "password", "reason"),
    [
        (("--extension", "1002"), "a-good-one", "no extension 1002"),
        ((), "short", "8 to"),
        (("--extension", "1001"), "a-good-one", "already belongs"),
    ],
)
def test_what_cannot_be_is_said(file: Path, words: tuple[str, ...], password: str, reason: str) -> None:
    add(file, "first", "--extension", "1001")
    result = add(file, "second", *words, password=password)
    assert result.exit_code == 1
    assert reason in result.output


def test_a_login_is_given_once(file: Path) -> None:
    add(file, "lesia")
    result = add(file, "LESIA")
    assert result.exit_code == 1
    assert "already signs in" in result.output
