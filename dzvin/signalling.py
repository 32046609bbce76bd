"""Opens the ways in for SIP that the configuration names."""

from __future__ import annotations

import resource
import ssl
from pathlib import Path

from dzvin.config import Address, Config
from dzvin.config_shape import SAME
from dzvin.origins import Origins
from dzvin.port_taken import PortTaken, naming_the_port
from pbx.admission import Admission
from pbx.net.connections import ConnectionLimits
from pbx.net.own_address import SOMEWHERE, WILDCARDS, OwnAddress
from pbx.net.tls import Certificate, client_context
from pbx.net.transports import Transports
from pbx.sip.secure_media import SecureMedia, SrtpPolicy
from pbx.timers import Timers

TRIES = 20  # to find one port that is free for UDP and for TCP
FILES_FOR_OTHERS = 512  # open files that connections leave to the database, the spool, the panel


def transports(config: Config, timers: Timers, admission: Admission) -> Transports:
    """Closed yet; `listen` opens them."""
    sip = config.sip
    authorities = Path(config.tls.authorities) if config.tls.authorities else None
    return Transports(
        timers,
        OwnAddress(sip.external_ip, sip.local_networks),
        ConnectionLimits(
            total=min(sip.connections, _files() - FILES_FOR_OTHERS),
            strangers_each=sip.connections_each,
            known_idle=2.0 * sip.max_expires + 600,
        ),
        admits=admission.may_connect,
        unlimited=admission.is_trusted,
        believes=lambda: client_context(authorities),
    )


def secure_media(config: Config) -> SecureMedia:
    own = [entry for entry in config.extensions if entry.srtp is not None]

    def of_extension(number: str) -> SrtpPolicy | None:
        return next((entry.srtp for entry in own if entry.has(number)), None)

    media = config.media
    return SecureMedia(
        policy=media.srtp, sdes_in_clear=media.sdes_in_clear, webrtc=media.webrtc, of_extension=of_extension
    )


async def listen(network: Transports, config: Config, certificate: Certificate | None, origins: Origins) -> None:
    """`certificate`: for TLS and secure WebSockets; `origins`: the pages that may open one. Raises PortTaken."""
    sip = config.sip
    udp, tcp = sip.udp_address, sip.tcp_address
    if tcp is not None and sip.tcp == SAME:
        await _both(network, udp)
    else:
        with naming_the_port("sip.udp", str(udp)):
            await network.listen_udp(udp.host, udp.port)
        if tcp is not None:
            with naming_the_port("sip.tcp", str(tcp)):
                await network.listen_stream(tcp.host, tcp.port)
    if (ws := sip.ws_address) is not None:
        with naming_the_port("sip.ws", str(ws)):
            await network.listen_websocket(ws.host, ws.port, origins)
    if certificate is not None:
        await _listen_securely(network, config, certificate, origins)


async def _listen_securely(network: Transports, config: Config, certificate: Certificate, origins: Origins) -> None:
    def context() -> ssl.SSLContext:
        return certificate.context

    if (tls := config.sip.tls_address) is not None:
        with naming_the_port("sip.tls", str(tls)):
            await network.listen_stream(tls.host, tls.port, context)
    if (wss := config.sip.wss_address) is not None:
        with naming_the_port("sip.wss", str(wss)):
            await network.listen_websocket(wss.host, wss.port, origins, context)


async def _both(network: Transports, address: Address) -> None:
    """UDP and TCP at one port, as peers expect it. A port that is free for one may be taken for the other."""
    for left in reversed(range(TRIES if address.port == 0 else 1)):
        with naming_the_port("sip.udp", str(address)):
            udp = await network.listen_udp(address.host, address.port)
        try:
            with naming_the_port("sip.tcp", str(address._replace(port=udp.port))):
                await network.listen_stream(address.host, udp.port)
            return
        except PortTaken:
            udp.close()
            if not left:
                raise


def domain(config: Config, own: OwnAddress) -> str:
    """The host of our From and To: a name that means us to everybody, or the nearest to it."""
    sip = config.sip
    host = sip.udp_address.host
    if sip.external_ip or host not in WILDCARDS:
        return sip.external_ip or host
    return own.for_peer(SOMEWHERE, host)


def _files() -> int:
    """How many files this process may open, as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
