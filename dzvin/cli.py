"""The command line `dzvin`: an installation from the outside."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dzvin import config, recording_commands

app = typer.Typer(
    name="dzvin", help="A telephony-first call-center engine.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
users = typer.Typer(help="The people who sign in to the panel.", no_args_is_help=True)
app.add_typer(users, name="user")
certificates = typer.Typer(help="The certificate for https, SIP over TLS and secure WebSockets.", no_args_is_help=True)
app.add_typer(certificates, name="tls")
app.add_typer(recording_commands.recordings, name="recording")
app.add_typer(recording_commands.keys, name="keys")

Data = Annotated[Path, typer.Option(help="Folder for everything that is kept: database, recordings, keys.")]
File = Annotated[
    Path | None, typer.Option("--config", help="TOML file; without it DATA/dzvin.toml, or a demo company.")
]
HttpHost = Annotated[str | None, typer.Option(help="Over [http] host.")]
HttpPort = Annotated[int | None, typer.Option(help="Over [http] port; 0 chooses one.")]
SipUdp = Annotated[str | None, typer.Option(help="Over [sip] udp, such as 127.0.0.1:5060; port 0 chooses one.")]
Hello = Annotated[
    bool | None, typer.Option("--hello/--no-hello", help="Say address and sign-ins; default on a terminal.")
]

DATA = Path("data")


@app.command()
def run(
    data: Data = DATA,
    file: File = None,
    http_host: HttpHost = None,
    http_port: HttpPort = None,
    sip_udp: SipUdp = None,
    hello: Hello = None,
) -> None:
    """Start everything; prints one JSON line on standard output whenever it is ready."""
    _launch(data, file, _overrides(http_host, http_port, sip_udp), hello, ())


@app.command()
def demo(
    data: Data = DATA,
    file: File = None,
    http_host: HttpHost = None,
    http_port: HttpPort = None,
    sip_udp: SipUdp = None,
) -> None:
    """Start everything, and simulated phones that place real calls with sound, so that the panel lives."""
    _launch(data, file, _overrides(http_host, http_port, sip_udp), True, ("dzvin.demo",))


@app.command()
def check(file: Annotated[Path, typer.Option("--config", help="The TOML file to check.")]) -> None:
    """Say whether a configuration can be used; name key and line of everything that is wrong."""
    problems = config.check(file)
    for problem in problems:
        typer.echo(f"{file}: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{file}: can be used")


@app.command("codecs")
def list_codecs(data: Data = DATA, file: File = None) -> None:
    """Say which codecs are offered to phones, which are not, and why not."""
    from dzvin import codecs
    from dzvin.launch import configuration_file

    try:
        settings = config.load(configuration_file(data, file), os.environ)
    except config.ConfigError as refused:
        _refuse(str(refused))
    for line in codecs.report(settings.media.codecs):
        typer.echo(line)


class Role(StrEnum):
    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    HALL = "hall"


@users.command("add")
def add_user(
    login: str,
    full_name: Annotated[str, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    role: Annotated[Role, typer.Option(help="What this person may do.")] = Role.AGENT,
    extension: Annotated[str | None, typer.Option(help="This person's phone.")] = None,
    window: Annotated[str | None, typer.Option(help="Where this person serves visitors of the hall.")] = None,
    data: Data = DATA,
    file: File = None,
) -> None:
    """Add a person; asks for what is not given. Works beside a running installation, or without one."""
    import asyncio

    from crm_core import organisation
    from dzvin.data_folder import AlreadyRuns
    from dzvin.launch import configuration_file
    from dzvin.people import NotAdded, add
    from dzvin.postgres import PostgresDidNotStart

    try:
        settings = config.load(configuration_file(data, file), os.environ)
        person = organisation.NewUser(
            login=login, full_name=full_name, role=organisation.Role(role.value), locale=settings.language,
            extension=extension, window=window,
        )  # fmt: skip
        asyncio.run(add(data, settings, person, password))
    except (config.ConfigError, AlreadyRuns, NotAdded, PostgresDidNotStart) as refused:
        _refuse(str(refused))
    typer.echo(f"{login} can sign in")


@certificates.callback()
def _certificates() -> None:
    """Without this, a group of one command would be that command."""


@certificates.command("init")
def init_certificate(
    host: Annotated[list[str], typer.Option(help="A name or address that people and phones use; may be repeated.")],
    data: Data = DATA,
    new_ca: Annotated[
        bool, typer.Option("--new-ca", help="Make another authority, which nobody believes yet.")
    ] = False,
    any_name: Annotated[
        bool,
        typer.Option("--any-name", help="An authority without name constraints, for phones that do not know them."),
    ] = False,
) -> None:
    """Make an authority of this installation, and a certificate of it for these names and addresses."""
    from dzvin import local_ca
    from dzvin.clock import SystemClock
    from dzvin.data_folder import DataFolder

    files = local_ca.paths(DataFolder(data).path)
    try:
        is_new = local_ca.init(files, host, SystemClock().now(), new_ca=new_ca, any_name=any_name)
    except (local_ca.NotMade, OSError, ValueError) as refused:
        _refuse(str(refused))
    typer.echo(NEXT_STEPS.format(certificate=files.certificate, ca=files.ca, first=host[0], what=WHAT[is_new]))


WHAT = {
    True: "A new authority: every computer that opens the panel, and every phone that checks, must be told once.",
    False: "The authority is the one that was there: who believes it already needs nothing new.",
}
NEXT_STEPS = """\
{certificate} is made, and renewed by the running core in time.
{what}

Believe {ca}
  Windows   certutil -addstore Root ca.pem, or by group policy: Trusted Root Certification Authorities
  macOS     open ca.pem, then in the keychain: Always Trust
  Debian    copy it to /usr/local/share/ca-certificates/dzvin.crt, then update-ca-certificates
  Firefox   Settings, Certificates, Authorities, Import
Never copy ca.key.

Use it in the configuration, then start again
  [http]
  tls = true                  # https://{first}:8080, with host = "0.0.0.0"
  [sip]
  tls = "0.0.0.0:5061"        # phones over TLS"""


@app.command()
def replay(
    call: Annotated[str, typer.Argument(help="The id of a call, or how it begins.")] = "",
    day: Annotated[str, typer.Option(help="A local day, such as 2026-11-20: the queue engine's decisions.")] = "",
    data: Data = DATA,
    messages: Annotated[bool, typer.Option("--messages", help="Print each message too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the ladder and the verdict as JSON.")] = False,
) -> None:
    """Show the signalling of a call, and feed it to the core again; or feed a day's inputs to the queue engine again.
    Exit status: 1 when something comes out otherwise than it did, 2 when there is no such trace or log, or it is
    damaged. Works beside a running installation, or without one."""
    if bool(call) == bool(day):
        typer.echo("say either a call or --day", err=True)
        raise typer.Exit(2)
    from dzvin import replay_commands

    if day:
        replay_commands.of_day(data, day, as_json=as_json)
    else:
        replay_commands.of_call(data, call, messages=messages, as_json=as_json)


@app.command()
def whatif(
    day: Annotated[str, typer.Option(help="A local day, such as 2026-11-20.")],
    agents: Annotated[int, typer.Option(help="So many more (+2) or fewer (-1).")] = 0,
    line: Annotated[str | None, typer.Option(help="In this line; without it in all lines.")] = None,
    strategy: Annotated[str | None, typer.Option(help="Whom of the free agents a call goes to.")] = None,
    wrap_up: Annotated[float | None, typer.Option(min=0, help="Seconds.")] = None,
    threshold: Annotated[float, typer.Option(min=0, help="Of the service level, in seconds.")] = 20.0,
    short: Annotated[float, typer.Option(min=0, help="Who gives up within so many seconds does not count.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Another one draws what is not known otherwise.")] = 1,
    data: Data = DATA,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Simulate a day that was with other agents or rules: its figures beside those of the real day. Exit status: 2 when
    there is no log of the day that can be run again, or what is asked makes no sense for it."""
    from dzvin import replay_commands
    from dzvin.whatif import Asked
    from queue_engine.whatif.changes import Change

    asked = Asked(Change(agents=agents, line=line, strategy=strategy, wrap_up=wrap_up), seed, threshold, short)
    replay_commands.of_change(data, day, asked, as_json=as_json)


@app.command()
def version() -> None:
    """Print the version of the installed program."""
    typer.echo(installed_version("dzvin"))


def _overrides(http_host: str | None, http_port: int | None, sip_udp: str | None) -> dict[str, str]:
    given = {"DZVIN_HTTP__HOST": http_host, "DZVIN_HTTP__PORT": http_port, "DZVIN_SIP__UDP": sip_udp}
    return {name: str(value) for name, value in given.items() if value is not None}


def _launch(
    data: Path, file: Path | None, overrides: dict[str, str], hello: bool | None, companions: tuple[str, ...]
) -> None:
    # Imported here so that `version` and `check` answer at once.
    from dzvin.core_process import StartFailed
    from dzvin.data_folder import AlreadyRuns, UnsafeFolder
    from dzvin.launch import Order, run
    from recordings.crypto import BadKeyFile

    greet = sys.stderr.isatty() if hello is None else hello
    order = Order(data=data, config_file=file, overrides=overrides, hello=greet, companions=companions)
    try:
        run(order)
    except (config.ConfigError, AlreadyRuns, UnsafeFolder, BadKeyFile, StartFailed) as refused:
        _refuse(str(refused))


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(1)


def main() -> None:
    app()
