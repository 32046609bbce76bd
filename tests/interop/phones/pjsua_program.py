"""pjsua2 as a foreign phone, in a process of its own: pjlib can be started once in a process.

Commands come as JSON lines on standard input, events go out as JSON lines. pjlib makes no threads that call Python
(`threadCnt` 0): this loop pumps its events, so callbacks never race with commands.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
from collections.abc import Callable

import pjsua2 as pj

PUMP = 10  # milliseconds
SIGNS_OFF = 300  # pumps that signing off may take
Command = dict[str, str]
TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
WAYS = {"RFC 4733": pj.PJSUA_DTMF_METHOD_RFC2833, "INFO": pj.PJSUA_DTMF_METHOD_SIP_INFO}


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Call(pj.Call):  # type: ignore[misc]  # the binding has no types
    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone

    def onCallState(self, _: object) -> None:
        info = self.getInfo()
        tell("state", call=info.id, state=info.stateText, status=info.lastStatusCode, remote=info.remoteUri)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.finished.append(self.phone.calls.pop(info.id, self))

    def onCallMediaState(self, _: object) -> None:
        info = self.getInfo()  # kept: its parts are only pointers into it
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (
                pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            ):  # fmt: skip
                audio = self.getAudioMedia(media.index)
                self.phone.player.startTransmit(audio)
                audio.startTransmit(self.phone.recorder)
        tell("media", call=info.id, states=[media.status for media in info.media])

    def onDtmfDigit(self, digit: pj.OnDtmfDigitParam) -> None:
        tell("digit", call=self.getId(), digit=digit.digit)

    def onCallTransferStatus(self, status: pj.OnCallTransferStatusParam) -> None:
        tell("transfer", call=self.getId(), status=status.statusCode, final=status.finalNotify)


class Account(pj.Account):  # type: ignore[misc]  # the binding has no types
    phone: Phone

    def onRegState(self, state: pj.OnRegStateParam) -> None:
        tell("registration", status=state.code, expires=state.expiration)

    def onIncomingCall(self, incoming: pj.OnIncomingCallParam) -> None:
        call = self.phone.calls[incoming.callId] = Call(self.phone, incoming.callId)
        call.answer(_status(180))
        tell("incoming", call=incoming.callId, remote=call.getInfo().remoteUri)


class Phone:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.calls: dict[int, Call] = {}
        self.finished: list[Call] = []
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(_endpoint_settings(options.log))
        self.transport = self.endpoint.transportCreate(TRANSPORTS[options.transport], _transport_settings(options))
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()  # the clock of its media: no sound card is needed
        for codec in self.endpoint.codecEnum2():
            if not codec.codecId.startswith((options.codec,)):
                self.endpoint.codecSetPriority(codec.codecId, 0)
        self.player, self.recorder = pj.AudioMediaPlayer(), pj.AudioMediaRecorder()
        self.player.createPlayer(options.play)
        self.recorder.createRecorder(options.record)
        self.account = Account()
        self.account.phone = self
        self.account.create(self._account_settings())
        self.commands: dict[str, Callable[[Call, Command], object]] = {
            "answer": lambda call, _: call.answer(_status(200)),
            "refuse": lambda call, _: call.hangup(_status(486)),
            "hold": lambda call, _: call.setHold(pj.CallOpParam(True)),
            "resume": lambda call, _: call.reinvite(_resume()),
            "press": lambda call, command: call.sendDtmf(_digits(command["digits"], command["way"])),
            "transfer": lambda call, command: call.xfer(command["uri"], pj.CallOpParam()),
            "transfer_to": lambda call, command: call.xferReplaces(self.calls[int(command["to"])], pj.CallOpParam()),
            "hang_up": lambda call, _: call.hangup(pj.CallOpParam()),
            "statistics": lambda call, _: _statistics(call),
        }

    def _account_settings(self) -> pj.AccountConfig:
        options, settings = self.options, pj.AccountConfig()
        route = "" if options.transport == "udp" else f";transport={options.transport}"
        settings.idUri = f"sip:{options.user}@{options.server}"
        settings.regConfig.registrarUri = f"sip:{options.server}{route}"
        settings.regConfig.timeoutSec = 120
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", options.user, 0, options.password))
        settings.sipConfig.transportId = self.transport
        settings.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        settings.callConfig.timerSessExpiresSec = options.session
        settings.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if options.secret else pj.PJMEDIA_SRTP_DISABLED
        media = settings.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = "127.0.0.1"
        media.port, media.portRange = options.rtp, 100
        return settings

    def run(self) -> None:
        tell("ready")
        pending = b""
        while True:
            self.endpoint.libHandleEvents(PUMP)
            self.finished.clear()  # pjsua2 holds bare pointers: a call may only go when its last callback has returned
            if not select.select([0], [], [], 0)[0]:
                continue
            data = os.read(0, 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                command = json.loads(line)
                if command["do"] == "quit":
                    return
                tell("done", **self._perform(command))

    def _perform(self, command: Command) -> dict[str, object]:
        try:
            if command["do"] == "dial":
                call = Call(self)
                call.makeCall(command["uri"], pj.CallOpParam(True))
                self.calls[call.getId()] = call
                return {"call": call.getId()}
            if int(command["call"]) not in self.calls:
                return {"error": "no such call"}
            result = self.commands[command["do"]](self.calls[int(command["call"])], command)
        except pj.Error as error:
            return {"error": error.info()}
        return result if isinstance(result, dict) else {}

    def end(self) -> None:
        self.endpoint.hangupAllCalls()
        self.account.setRegistration(False)
        for _ in range(SIGNS_OFF):
            self.endpoint.libHandleEvents(PUMP)
            if not self.calls and not self.account.getInfo().regIsActive:
                break
        self.calls.clear()
        self.finished.clear()
        del self.player, self.recorder  # closes the files
        self.account.shutdown()
        self.endpoint.libDestroy()
        tell("over")


def _endpoint_settings(log: str) -> pj.EpConfig:
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.userAgent = "pjsua2"
    settings.medConfig.noVad = True
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
    settings.medConfig.threadCnt = 1
    settings.medConfig.quality = 1
    settings.logConfig.level = 5
    settings.logConfig.consoleLevel = 0
    settings.logConfig.filename = log
    return settings


def _transport_settings(options: argparse.Namespace) -> pj.TransportConfig:
    settings = pj.TransportConfig()
    settings.boundAddress = settings.publicAddress = "127.0.0.1"
    if options.authority:
        settings.tlsConfig.CaListFile = options.authority
        settings.tlsConfig.verifyServer = True
    return settings


def _status(code: int) -> pj.CallOpParam:
    settings = pj.CallOpParam()
    settings.statusCode = code
    return settings


def _resume() -> pj.CallOpParam:
    settings = pj.CallOpParam(True)
    settings.opt.flag = pj.PJSUA_CALL_UNHOLD
    return settings


def _digits(digits: str, way: str) -> pj.CallSendDtmfParam:
    settings = pj.CallSendDtmfParam()
    settings.digits, settings.method = digits, WAYS[way]
    return settings


def _statistics(call: Call) -> dict[str, object]:
    heard, sent = call.getStreamStat(0).rtcp.rxStat, call.getStreamStat(0).rtcp.txStat
    return {"received": heard.pkt, "lost": heard.loss, "discarded": heard.discard, "sent": sent.pkt}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("server", "user", "password", "play", "record", "log"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rtp", type=int, required=True)
    parser.add_argument("--session", type=int, default=90)
    parser.add_argument("--codec", default="PCM")
    parser.add_argument("--transport", default="udp")
    parser.add_argument("--authority", default="")
    parser.add_argument("--secret", action="store_true", help="SRTP by SDES, and nothing else")
    phone = Phone(parser.parse_args())
    try:
        phone.run()
    finally:
        phone.end()


if __name__ == "__main__":
    main()
