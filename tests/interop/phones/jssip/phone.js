// JsSIP as a foreign phone: one line of commands for each call, told to by the test through `window.phone`.
//
// The product does not speak DTLS-SRTP yet, which is all that a browser's own RTCPeerConnection speaks. So a stand-in
// describes plain RTP, and the sound goes between the product and the test: `openAudio`, `agreed` and `closeAudio` are
// functions of the test. The signalling is JsSIP's own.

import * as JsSIP from "jssip";

class PeerConnection extends EventTarget {
  signalingState = "stable";
  iceConnectionState = "connected";
  iceGatheringState = "complete";
  localDescription = null;
  remoteDescription = null;
  #port = null;
  #version = 0;

  async #describe(type) {
    this.#port ??= await window.openAudio();
    this.#version += 1;
    const lines = [
      "v=0", `o=- 1 ${this.#version} IN IP4 127.0.0.1`, "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
      `m=audio ${this.#port} RTP/AVP 8 0`, "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=mid:0", "a=sendrecv", "",
    ];
    return { type, sdp: lines.join("\r\n") };
  }

  createOffer() {
    return this.#describe("offer");
  }

  createAnswer() {
    return this.#describe("answer");
  }

  async setLocalDescription(description) {
    this.localDescription = description;
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
  }

  async setRemoteDescription(description) {
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    this.#port ??= await window.openAudio();
    await window.agreed(this.#port, description.sdp);
  }

  close() {
    this.signalingState = "closed";
    if (this.#port !== null) window.closeAudio(this.#port);
  }

  addTrack() {}

  getSenders() {
    return [];
  }

  getReceivers() {
    return [];
  }
}

window.RTCPeerConnection = PeerConnection;
const SOUND = { getTracks: () => [], getAudioTracks: () => [], getVideoTracks: () => [] };

class Phone {
  sessions = [];

  start({ socket, user, password, domain, session }) {
    this.domain = domain;
    this.session = session;
    this.socket = new JsSIP.WebSocketInterface(socket);
    this.agent = new JsSIP.UA({
      sockets: [this.socket], uri: `sip:${user}@${domain}`, password, register_expires: 120, session_timers: true,
      connection_recovery_min_interval: 1, connection_recovery_max_interval: 3,
    });
    for (const event of ["registered", "unregistered", "registrationFailed", "disconnected"])
      this.agent.on(event, (told) => window.tell({ event, cause: told?.cause }));
    this.agent.on("newRTCSession", ({ session, originator }) => this.#take(session, originator === "remote"));
    this.agent.start();
  }

  #take(session, incoming) {
    const call = this.sessions.push(session) - 1;
    for (const event of ["confirmed", "ended", "failed", "hold", "unhold"])
      session.on(event, (told) => window.tell({ event, call, cause: told?.cause, by: told?.originator }));
    session.on("newDTMF", ({ originator, dtmf }) => {
      if (originator === "remote") window.tell({ event: "digit", call, digit: dtmf.tone });
    });
    if (incoming) window.tell({ event: "incoming", call });
  }

  dial(number) {
    this.agent.call(`sip:${number}@${this.domain}`, { mediaStream: SOUND });
    return this.sessions.length - 1;
  }

  answer(call) {
    this.sessions[call].answer({ mediaStream: SOUND });
  }

  end(call, options) {
    this.sessions[call].terminate(options);
  }

  hold(call) {
    return new Promise((done) => this.sessions[call].hold({}, done));
  }

  resume(call) {
    return new Promise((done) => this.sessions[call].unhold({}, done));
  }

  press(call, digits) {
    this.sessions[call].sendDTMF(digits, { transportType: "INFO", duration: 100, interToneGap: 100 });
  }

  transfer(call, number, other) {
    return new Promise((done, failed) => {
      const replaces = other === undefined ? undefined : this.sessions[other];
      const target = replaces ? replaces.remote_identity.uri.toString() : `sip:${number}@${this.domain}`;
      this.sessions[call].refer(target, {
        replaces,
        eventHandlers: {
          accepted: () => done(), requestFailed: ({ cause }) => failed(new Error(cause)), failed: () => failed(new Error("failed")),
        },
      });
    });
  }

  /** The network takes the connection away: JsSIP hears of it as of any lost one. */
  lose() {
    this.socket._ws.close();
  }

  stop() {
    this.agent.stop();
  }
}

window.phone = new Phone();
