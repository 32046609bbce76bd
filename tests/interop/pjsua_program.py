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

import pjsua2 as pj

PUMP = 10  # milliseconds


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Call(pj.Call):  # type: ignore[misc]  # the binding has no types
    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone

    def onCallState(self, _: object) -> None:
        info = self.getInfo()
        tell("state", state=info.stateText, status=info.lastStatusCode, remote=info.remoteUri)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.phone.finished.append(self)

    def onCallMediaState(self, _: object) -> None:
        info = self.getInfo()  # kept: its parts are only pointers into it
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(media.index)
                self.phone.player.startTransmit(audio)
                audio.startTransmit(self.phone.recorder)
        tell("media", states=[media.status for media in info.media])

    def onDtmfDigit(self, digit: pj.OnDtmfDigitParam) -> None:
        tell("digit", digit=digit.digit)


class Account(pj.Account):  # type: ignore[misc]  # the binding has no types
    phone: Phone

    def onRegState(self, state: pj.OnRegStateParam) -> None:
        tell("registration", status=state.code, expires=state.expiration)

    def onIncomingCall(self, incoming: pj.OnIncomingCallParam) -> None:
        call = Call(self.phone, incoming.callId)
        self.phone.call = call
        ringing = pj.CallOpParam()
        ringing.statusCode = 180
        call.answer(ringing)
        tell("incoming", remote=call.getInfo().remoteUri)


class Phone:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.call: Call | None = None
        self.finished: list[Call] = []
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        self.endpoint.libInit(_endpoint_settings())
        transport = pj.TransportConfig()
        transport.boundAddress = transport.publicAddress = "127.0.0.1"
        self.transport = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
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

    def _account_settings(self) -> pj.AccountConfig:
        options, settings = self.options, pj.AccountConfig()
        settings.idUri = f"sip:{options.user}@{options.server}"
        settings.regConfig.registrarUri = f"sip:{options.server}"
        settings.regConfig.timeoutSec = 120
        settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", options.user, 0, options.password))
        settings.sipConfig.transportId = self.transport
        settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        settings.mediaConfig.transportConfig.publicAddress = "127.0.0.1"
        settings.mediaConfig.transportConfig.port = options.rtp
        settings.mediaConfig.transportConfig.portRange = 100
        return settings

    def run(self) -> None:
        tell("ready")
        pending = b""
        while True:
            self.endpoint.libHandleEvents(PUMP)
            self._bury()
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
                try:
                    tell("done", **self._perform(command))
                except pj.Error as error:
                    tell("done", error=error.info())

    def _perform(self, command: dict[str, str]) -> dict[str, object]:
        if command["do"] == "dial":
            self.call = Call(self)
            self.call.makeCall(command["uri"], pj.CallOpParam(True))
            return {}
        call = self.call
        if call is None:
            return {"error": "no call"}
        match command["do"]:
            case "answer":
                answer = pj.CallOpParam()
                answer.statusCode = 200
                call.answer(answer)
            case "hold":
                call.setHold(pj.CallOpParam(True))
            case "resume":
                resume = pj.CallOpParam(True)
                resume.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(resume)
            case "press":
                digits = pj.CallSendDtmfParam()
                digits.digits, digits.method = command["digits"], pj.PJSUA_DTMF_METHOD_RFC2833
                call.sendDtmf(digits)
            case "hang_up":
                call.hangup(pj.CallOpParam())
            case "statistics":
                heard, sent = call.getStreamStat(0).rtcp.rxStat, call.getStreamStat(0).rtcp.txStat
                return {"received": heard.pkt, "lost": heard.loss, "discarded": heard.discard, "sent": sent.pkt}
        return {}

    def _bury(self) -> None:
        """pjsua2 holds bare pointers: a call may only go when its last callback has returned."""
        for call in self.finished:
            if call is self.call:
                self.call = None
        self.finished.clear()

    def end(self) -> None:
        self.endpoint.hangupAllCalls()
        self.account.setRegistration(False)
        for _ in range(30):
            self.endpoint.libHandleEvents(PUMP)
        self.call = None
        self.finished.clear()
        del self.player, self.recorder  # closes the files
        self.account.shutdown()
        self.endpoint.libDestroy()
        tell("over")


def _endpoint_settings() -> pj.EpConfig:
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.uaConfig.userAgent = "pjsua2"
    settings.medConfig.noVad = True
    settings.medConfig.clockRate = settings.medConfig.sndClockRate = 8000
    settings.medConfig.threadCnt = 1
    settings.medConfig.quality = 1
    settings.logConfig.level = 1
    settings.logConfig.consoleLevel = 0
    return settings


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("server", "user", "password", "play", "record"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rtp", type=int, required=True)
    parser.add_argument("--codec", default="PCM")
    phone = Phone(parser.parse_args())
    try:
        phone.run()
    finally:
        phone.end()


if __name__ == "__main__":
    main()
