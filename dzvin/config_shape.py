"""The shape of a configuration file: one frozen struct for each table of the TOML.

Plain values only, so that every process can read the same file on its own. What the values may be together
(numbers that must exist, addresses that must parse) is in `config_rules`; how a file is read is in `config`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from callflow.line_settings import LineSettings, Skills
from dzvin.config_table import Address as Address
from dzvin.config_table import Limit, Path, Port, Positive
from dzvin.config_table import Table as Table
from dzvin.config_trunks import Did as Did
from dzvin.config_trunks import Trunk as Trunk

LOCAL_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
Locale = Literal["uk", "en", "ru"]
DigestName = Literal["MD5", "SHA-256", "SHA-512-256"]
SrtpPolicy = Literal["off", "offer", "require"]
RecordingRule = Literal["internal", "lines", "inbound", "outbound"]


class NumberRange(NamedTuple):
    """Extensions `first` to `last` that differ in a number of fixed width: u00000 … u01999."""

    prefix: str
    start: int
    stop: int  # inclusive
    width: int

    @classmethod
    def parse(cls, first: str, last: str) -> NumberRange:
        """Raises ValueError when the two are not the ends of one range."""
        ends = [re.fullmatch(r"(.*?)([0-9]{1,12})", end, re.ASCII) for end in (first, last)]
        match ends:
            case [re.Match() as low, re.Match() as high] if (
                low[1] == high[1] and len(low[2]) == len(high[2]) and int(low[2]) <= int(high[2])
            ):
                return cls(low[1], int(low[2]), int(high[2]), len(low[2]))
            case _:
                raise ValueError(f'expected two ends such as "u00000" and "u01999", got "{first}" and "{last}"')

    def numbers(self) -> Iterator[str]:
        return (f"{self.prefix}{value:0{self.width}d}" for value in range(self.start, self.stop + 1))

    def holds(self, number: str) -> bool:
        digits = number[len(self.prefix) :]
        return (
            number.startswith(self.prefix)
            and len(digits) == self.width
            and digits.isascii()
            and digits.isdigit()
            and self.start <= int(digits) <= self.stop
        )

    def overlaps(self, other: NumberRange) -> bool:
        same_kind = (self.prefix, self.width) == (other.prefix, other.width)
        return same_kind and self.start <= other.stop and other.start <= self.stop

    @property
    def size(self) -> int:
        return self.stop - self.start + 1


class Hours(NamedTuple):
    """Times of day; an end before the start goes over midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `08:00-20:00`. Raises ValueError that says what is expected."""
        try:
            start, end = map(time.fromisoformat, text.split("-"))
        except ValueError as error:
            raise ValueError(f'expected times such as "08:00-20:00", got "{text}"') from error
        return cls(start, end)


class Account(Struct, frozen=True, kw_only=True):
    """A SIP account, read or expanded from `[[extensions]]`. The core turns the password into HA1."""

    number: str
    password: str
    digest: tuple[DigestName, ...]


class Http(Table, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    port: Port = 8080
    tls: bool = False  # https, with the certificate of [tls]
    public_url: str = ""
    secure_cookies: bool = False  # as they are with tls


SAME = "same"


class Sip(Table, frozen=True, kw_only=True):
    udp: str = "127.0.0.1:5060"
    tcp: str = SAME  # the address and the port of udp; empty, here and below: none
    tls: str = ""
    ws: str = ""  # WebSockets on a port of their own; the panel's port has them at /sip in any case
    wss: str = ""
    origins: tuple[str, ...] = ()  # of pages that may open a WebSocket, beside the panel's own
    realm: str = "dzvin"
    external_ip: str = ""  # what peers outside of local_networks see
    local_networks: tuple[str, ...] = LOCAL_NETWORKS
    connections: Annotated[int, Meta(ge=10, le=1_000_000)] = 4000
    connections_each: Positive = 100  # of one source, without credentials
    digest: tuple[DigestName, ...] = ("MD5", "SHA-256")  # in the order in which they are offered
    only_md5: tuple[str, ...] = (
        "baresip v0.",
        "baresip v1.",
        "JsSIP",
    )  # parts of a User-Agent that is offered MD5 alone, where it may have MD5
    min_expires: Positive = 60
    default_expires: Positive = 600
    max_expires: Positive = 3600
    session_timer: Annotated[int, Meta(ge=0, le=86_400)] = 1800  # seconds; 0: only where the other side asks for one
    min_session: Annotated[int, Meta(ge=90, le=86_400)] = 90  # RFC 4028 §4: 90 is "the absolute minimum"
    nameservers: tuple[str, ...] = ()  # of trunks that are known by name; empty: those of this machine

    server: str = ""  # what phones are told to use: a name or an address of this server …
    proxy: str = ""  # … a proxy on the way to it …
    stun: str = ""  # … and who tells them how the world sees them

    @property
    def udp_address(self) -> Address:
        return Address.parse(self.udp)

    @property
    def tcp_address(self) -> Address | None:
        return self.udp_address if self.tcp == SAME else _optional(self.tcp)

    @property
    def tls_address(self) -> Address | None:
        return _optional(self.tls)

    @property
    def ws_address(self) -> Address | None:
        return _optional(self.ws)

    @property
    def wss_address(self) -> Address | None:
        return _optional(self.wss)


def _optional(text: str) -> Address | None:
    return Address.parse(text) if text else None


class Tls(Table, frozen=True, kw_only=True):
    """Files in PEM. A relative path starts at the folder of the configuration file, and is absolute once it is read."""

    certificate: str = ""  # with those that lead to its authority; empty: the data folder's own, of `dzvin tls init`
    key: str = ""
    authorities: str = ""  # whom we believe about trunks, beside the system's authorities


CodecChoice = Literal["pcma", "pcmu", "g722", "opus", "gsm", "speex"]
CODECS: tuple[CodecChoice, ...] = ("pcma", "pcmu", "g722", "opus", "gsm", "speex")


class Media(Table, frozen=True, kw_only=True):
    address: str = "127.0.0.1"
    ports: str = "40000-64999"
    workers: Annotated[int, Meta(ge=0, le=64)] = 0  # 0: by the machine's cores
    drop_after_silence: Annotated[int, Meta(ge=0)] = 60  # seconds without RTP; 0 = never
    legs: Annotated[int, Meta(ge=2, le=65536)] = 2048  # for each worker
    codecs: tuple[CodecChoice, ...] = CODECS  # preferred first
    align_codecs: bool = True  # ask for a common codec when a transfer has joined two that speak unlike ones
    srtp: SrtpPolicy = "offer"
    sdes_in_clear: bool = False  # take and give keys in signalling that others can read, too
    webrtc: bool = True  # phones in pages may call, whatever `srtp` says

    @property
    def processes(self) -> int:
        """How many media workers run: as many as were asked for, else one for each core but the one that is the
        core process's own; at most eight, each good for some hundred calls."""
        return self.workers or min(max(1, len(os.sched_getaffinity(0)) - 1), 8)

    @property
    def port_range(self) -> range:
        """Raises ValueError that says what is expected."""
        found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", self.ports)
        if found is None or not 1024 <= int(found[1]) < int(found[2]) <= 65535:
            raise ValueError(f'expected "first-last" within 1024 to 65535, got "{self.ports}"')
        return range(int(found[1]), int(found[2]) + 1)


class Database(Table, frozen=True, kw_only=True):
    url: str = ""  # empty: the embedded PostgreSQL


class Recordings(Table, frozen=True, kw_only=True):
    calls: tuple[RecordingRule, ...] = ()
    encrypt: bool = True
    resume_after: Annotated[float, Meta(ge=0, le=86_400)] = 0  # seconds; 0: a pause ends when somebody ends it
    folder: Annotated[str, Meta(min_length=1)] = "recordings"  # a relative path lies in the data folder


SCANNERS = (
    "friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sip-scan", "sipscan", "sipptk", "sundayddr",
    "pplsip", "VaxSIPUserAgent", "VaxIPUserAgent",
)  # fmt: skip


class Security(Table, frozen=True, kw_only=True):
    trusted: tuple[str, ...] = ()  # addresses and networks free of lockouts and limits
    scanners: tuple[str, ...] = SCANNERS  # parts of a User-Agent whose messages are dropped in silence
    strangers_per_second: Limit = 50  # messages from one address that nobody has vouched for
    international: bool = False
    premium: bool = False
    premium_prefixes: tuple[str, ...] = ()  # beyond what the country's numbering plan says
    calls_at_once: Limit = 2  # to the outside, for each extension; so are the next ones
    calls_per_minute: Limit = 20
    minutes_per_day: Limit = 480
    hours: str = ""  # of calls to the outside: "08:00-20:00"; empty: at any time


class Calls(Table, frozen=True, kw_only=True):
    min_number_length: Annotated[int, Meta(ge=0, le=32)] = 0
    ring_timeout: Positive = 30
    stop_grace: Annotated[int, Meta(ge=0)] = 600  # seconds that running calls may last after SIGTERM
    lines: Annotated[int, Meta(ge=0, le=5)] = 5  # calls of one extension at once (R-PHONE-61); 0: no limit
    redirects: bool = True  # follow a phone's 302
    transfer_returns: bool = True  # a transfer that nobody takes rings the transferor again
    transfer_timeout: Positive = 20  # seconds that the target of a transfer rings
    recall_timeout: Positive = 20  # seconds that a transferor rings who gets somebody back
    fallback: str = ""  # our number for callers whom nobody takes back
    park_timeout: Positive = 120  # seconds, then a parked call goes back to who parked it
    phone_patience: Positive = 6  # seconds until a phone that is rung gives the first sign of life
    pickup_groups: tuple[tuple[str, ...], ...] = ()  # extensions; none: everybody picks up for everybody


class Codes(Table, frozen=True, kw_only=True):
    """What phones dial to tell the switchboard something; an empty code switches its feature off."""

    pick_up: str = "*8"  # and *8 with an extension behind it
    park: str = "*70"  # and the orbits *701 to *709
    orbits: Annotated[int, Meta(ge=1, le=99)] = 9
    forward_always: str = "21"  # *21*NUMBER# and #21#
    forward_busy: str = "67"
    forward_no_answer: str = "61"
    do_not_disturb_on: str = "*78"
    do_not_disturb_off: str = "*79"
    record: str = "*1"  # pressed during a call: starts the recording, or ends it
    pause_recording: str = "*2"  # pressed during a call: pauses the recording, or goes on
    secure_entry: str = "*3"  # pressed during a call: hides what the other end presses, or ends that
    mute: str = "*6"  # pressed in a conference: nobody hears me, or all do again
    conference: str = "*5"  # pressed during a call: all together
    supervise: str = "*55"  # and an extension behind it: listen to that person's call


class Presence(Table, frozen=True, kw_only=True):
    """Who may see on a phone what others do (lamps, status)."""

    watchers: tuple[str, ...] = ("everybody",)  # extensions
    hidden: tuple[str, ...] = ()  # extensions that nobody else sees
    parties: bool = False  # lamps also tell who is at the other end


class FollowUp(Table, frozen=True, kw_only=True):
    due_minutes: Positive = 60
    escalate_minutes: Annotated[int, Meta(ge=0, le=100_000)] = 60  # after the reminder; 0: never
    lease_minutes: Annotated[int, Meta(ge=0, le=100_000)] = 30  # 0: without end
    assign: tuple[str, ...] = ("client", "rung", "line")  # or "user:LOGIN"
    hours: str = ""  # "mon-fri 09:00-18:00, sat 10:00-14:00"; empty: always
    special_days: str = ""  # "2030-01-01, 2030-12-24 09:00-13:00"


class TelephonyServer(Table, frozen=True, kw_only=True):
    """An outside telephony server whose calls are loaded."""

    load: bool = False
    source: str = ""  # "postgresql://reader:secret@server/database" or "csv:/a/file"
    every: Annotated[float, Meta(ge=1, le=86_400)] = 60.0  # seconds between two looks
    kind: Literal["asterisk", "calls"] = "asterisk"
    table: str = "cdr"
    internal_digits: Annotated[int, Meta(ge=0, le=15)] = 5


class Log(Table, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"  # auto: text on a terminal, else JSON


class Trace(Table, frozen=True, kw_only=True):
    """Signalling of calls, for the ladder and for `dzvin replay`. Beyond any of these the oldest goes."""

    days: Annotated[int, Meta(ge=0)] = 14  # 0: nothing is noted
    calls: Positive = 100_000
    megabytes: Positive = 1024


class EngineLog(Table, frozen=True, kw_only=True):
    """What the queue engine was told and decided, for `dzvin replay --day` and `dzvin whatif`. The oldest goes."""

    days: Annotated[int, Meta(ge=0)] = 30  # 0: nothing is noted
    megabytes: Positive = 1024


class User(Table, frozen=True, kw_only=True):
    login: str
    full_name: str
    role: Literal["admin", "supervisor", "agent", "hall"] = "agent"
    password: str = ""  # empty: cannot sign in until a password is set
    locale: Locale | None = None  # None: the language of the installation
    extension: str | None = None
    window: str | None = None


class Extension(Table, frozen=True, kw_only=True):
    """One number, or a range by `first` and `last` whose password is a template with `{user}`."""

    password: str
    number: str = ""
    first: str = ""
    last: str = ""
    digest: tuple[DigestName, ...] = ()  # empty: as in [sip]
    international: bool | None = None  # None, here and below: as in [security]
    premium: bool | None = None
    calls_at_once: Limit | None = None
    calls_per_minute: Limit | None = None
    minutes_per_day: Limit | None = None
    hours: str | None = None
    caller_id: str = ""  # the number that is shown outside; empty: that of the trunk
    withheld: bool = False  # no number is shown outside
    record: bool | None = None  # always, or never, whatever is said of lines, trunks and directions
    forward_always: str = ""  # how the person wants to be reached, until they change it
    forward_busy: str = ""
    forward_no_answer: str = ""
    do_not_disturb: bool = False
    skills: Skills = {}  # what lines ask for, until people change it
    lines: Annotated[int, Meta(ge=0, le=5)] | None = None  # None, here and below: as in [calls]
    ring_seconds: Annotated[int, Meta(ge=5, le=120)] | None = None
    auto_answer: bool = False
    srtp: SrtpPolicy | None = None  # None: as in [media]

    @property
    def range(self) -> NumberRange | None:
        """Raises ValueError when `first` and `last` are no range."""
        return NumberRange.parse(self.first, self.last) if self.first or self.last else None

    def has(self, number: str) -> bool:
        return bool((number and self.number == number) or (self.range and self.range.holds(number)))

    def secret(self, number: str) -> str:
        return self.password.replace("{user}", number) if self.first else self.password


class Line(LineSettings, Table, frozen=True, kw_only=True):
    number: str


class Menu(Table, frozen=True, kw_only=True):
    number: str
    name: str
    prompt: str = "menu"
    keys: dict[str, str] = {}
    timeout: Positive = 10


class Flow(Table, frozen=True, kw_only=True):
    """A call flow: of a file, of a Python function, or of the panel's people alone."""

    number: str
    name: str
    file: str = ""  # JSON; met until people have published another
    function: str = ""  # "module:function"
    language: Locale | Literal[""] = ""  # in which a function speaks; empty: the installation's


class Conference(Table, frozen=True, kw_only=True):
    """A number at which everybody who dials it hears everybody else."""

    number: str
    name: str
    pin: str = ""  # digits; empty: nobody is asked
    members: Annotated[int, Meta(ge=2, le=128)] = 100  # at once
    announce: bool = False  # a tone when somebody comes or goes
    record: bool = False
    music: bool = True  # for who is alone
    moderators: tuple[str, ...] = ()  # extensions, beside the supervisors


class Unchallenged(Table, frozen=True, kw_only=True):
    """Sources whose INVITEs to these numbers are taken without a digest challenge."""

    addresses: tuple[str, ...]
    to: tuple[str, ...]


class Service(Table, frozen=True, kw_only=True):
    code: str
    name: dict[Locale, str]
    prefix: str
    slot_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
    agents: tuple[str, ...] = ()  # logins


class Config(Table, frozen=True, kw_only=True):
    language: Locale = "uk"
    region: str = "UA"
    timezone: str = "Europe/Kyiv"
    http: Http = Http()
    sip: Sip = Sip()
    tls: Tls = Tls()
    media: Media = Media()
    database: Database = Database()
    recordings: Recordings = Recordings()
    security: Security = Security()
    calls: Calls = Calls()
    codes: Codes = Codes()
    presence: Presence = Presence()
    follow_up: FollowUp = FollowUp()
    telephony_server: TelephonyServer = TelephonyServer()
    log: Log = Log()
    trace: Trace = Trace()
    engine_log: EngineLog = EngineLog()
    users: tuple[User, ...] = ()
    extensions: tuple[Extension, ...] = ()
    lines: tuple[Line, ...] = ()
    menus: tuple[Menu, ...] = ()
    conferences: tuple[Conference, ...] = ()
    flows: tuple[Flow, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    dids: tuple[Did, ...] = ()
    unchallenged: tuple[Unchallenged, ...] = ()
    services: tuple[Service, ...] = ()

    def tls_users(self) -> Iterator[Path]:
        """The keys that need a certificate of ours."""
        if self.http.tls:
            yield ("http", "tls")
        if self.sip.tls:
            yield ("sip", "tls")
        if self.sip.wss:
            yield ("sip", "wss")

    def accounts(self) -> Iterator[Account]:
        """Every SIP account, ranges expanded one by one as they are asked for."""
        for entry in self.extensions:
            numbers = entry.range.numbers() if entry.range else iter((entry.number,))
            for number in numbers:
                yield self._account(entry, number)

    def account(self, number: str) -> Account | None:
        """The account of one number, without expanding any range."""
        for entry in self.extensions:
            if entry.has(number):
                return self._account(entry, number)
        return None

    def _account(self, entry: Extension, number: str) -> Account:
        return Account(number=number, password=entry.secret(number), digest=entry.digest or self.sip.digest)
