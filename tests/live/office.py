"""The company of the live run: a menu, a line behind its key 1, thirty agents, forty extensions that call. Callers of a
second line hear ringing: they are for those who give up."""

from __future__ import annotations

MENU, LINE, QUIET, KEY = "8000", "7000", "7001", "1"
RING_TIMEOUT = 4  # seconds
RETRY_AFTER = 3  # seconds for which an agent who did not take a call is left alone
WRAP_UP = 2  # seconds that an agent has after a call of the line; none after one of the quiet line
MEDIA = "30000-34999"  # beside the ports that the phones take


def agent(number: int) -> str:
    return f"a{number:02}"


def caller(number: int) -> str:
    return f"c{number:02}"


def password(name: str) -> str:
    return f"live-{name}"


def configuration(agents: int, callers: int, *, wraps_up: bool = True) -> str:
    names = [agent(number) for number in range(agents)]
    extensions = [*names, *(caller(number) for number in range(callers))]
    return (
        HEAD
        + "".join(f'[[extensions]]\nnumber = "{name}"\npassword = "{password(name)}"\n' for name in extensions)
        + "".join(_user(name) for name in names)
        + _line(LINE, "hold", names, WRAP_UP if wraps_up else 0)
        + _line(QUIET, "", names, 0)
        + f'[[menus]]\nnumber = "{MENU}"\nname = "Menu"\nprompt = "menu"\nkeys = {{ "{KEY}" = "{LINE}" }}\n'
    )


def _line(number: str, music: str, agents: list[str], wrap_up: int) -> str:
    return (
        f'[[lines]]\nnumber = "{number}"\nname = "Line {number}"\nmusic = "{music}"\nring_timeout = {RING_TIMEOUT}\n'
        + f"retry_after = {RETRY_AFTER}\nwrap_up = {wrap_up}\nagents = {agents!r}\n".replace("'", '"')
    )


def _user(name: str) -> str:
    return (
        f'[[users]]\nlogin = "{name}"\nfull_name = "Agent {name}"\nrole = "agent"\npassword = "{password(name)}"\n'
        f'extension = "{name}"\n'
    )


HEAD = """
language = "en"
region = "UA"
timezone = "Europe/Kyiv"
security.trusted = ["127.0.0.1"]
calls.lines = 0
media.workers = 1

[[users]]
login = "supervisor"
full_name = "Supervisor"
role = "supervisor"
password = "supervisor-pass-1"

"""
