// JsSIP as a foreign phone: one line of commands for each call, told to by the test through `window.phone`.
//
// Signalling is JsSIP's, ICE, DTLS-SRTP and codecs are the browser's. It speaks a tone in place of a microphone, and what
// it hears is kept as samples at 8000 Hz.

import * as JsSIP from "jssip";

const RATE = 8000;
const BLOCK = 1024;
const PEER = { iceServers: [], bundlePolicy: "max-bundle" };

class Sound {
  #context = new AudioContext({ sampleRate: RATE });
  #heard = [];
  #waiting = [];

  constructor(frequency) {
    const oscillator = new OscillatorNode(this.#context, { frequency });
    const quieter = new GainNode(this.#context, { gain: 0.3 });
    const microphone = this.#context.createMediaStreamDestination();
    oscillator.connect(quieter).connect(microphone);
    oscillator.start();
    this.stream = microphone.stream;
    this.analyser = this.#context.createAnalyser();
  }

  hear(track) {
    const stream = new MediaStream([track]);
    // Chromium decodes what comes only when an element plays it.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    element.play();
    const source = this.#context.createMediaStreamSource(stream);
    const tap = this.#context.createScriptProcessor(BLOCK, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => {
      this.#heard.push(...inputBuffer.getChannelData(0).map((sample) => Math.round(sample * 32767)));
      this.#waiting = this.#waiting.filter(({ from, count, done }) => {
        if (this.#heard.length < from + count) return true;
        done(this.#heard.slice(from, from + count));
        return false;
      });
    };
    source.connect(this.analyser);
    source.connect(tap).connect(this.#context.destination);
    this.#kept = { element, source, tap };
  }

  #kept = null; // what nothing else refers to would be collected

  /** The next seconds of sound. */
  listen(seconds) {
    const [from, count] = [this.#heard.length, Math.round(seconds * RATE)];
    return new Promise((done) => this.#waiting.push({ from, count, done }));
  }

  close() {
    this.#context.close();
  }
}

class Phone {
  sessions = [];
  sounds = [];

  start({ socket, user, password, domain, session, frequency, events }) {
    this.domain = domain;
    this.frequency = frequency;
    this.events = events;
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
    this.sounds[call] ??= new Sound(this.frequency);
    const watch = (connection) => connection.addEventListener("track", ({ track }) => this.sounds[call].hear(track));
    if (session.connection) watch(session.connection);
    else session.on("peerconnection", ({ peerconnection }) => watch(peerconnection));
    for (const event of ["ended", "failed"]) session.on(event, () => this.sounds[call].close());
    for (const event of ["confirmed", "ended", "failed", "hold", "unhold"])
      session.on(event, (told) => window.tell({ event, call, cause: told?.cause, by: told?.originator }));
    session.on("newDTMF", ({ originator, dtmf }) => {
      if (originator === "remote") window.tell({ event: "digit", call, digit: dtmf.tone });
    });
    if (incoming) window.tell({ event: "incoming", call });
  }

  dial(number) {
    const sound = (this.sounds[this.sessions.length] = new Sound(this.frequency));
    this.agent.call(`sip:${number}@${this.domain}`, { mediaStream: sound.stream, pcConfig: PEER });
    return this.sessions.length - 1;
  }

  answer(call) {
    this.sessions[call].answer({ mediaStream: this.sounds[call].stream, pcConfig: PEER });
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

  /** Events travel with the sound, so the way for it has to be there: it is made only after the answer. */
  async press(call, digits) {
    const transportType = this.events ? "RFC2833" : "INFO";
    const carried = () => this.sessions[call].connection.getSenders().some((sender) => sender.dtmf?.canInsertDTMF);
    while (this.events && !carried()) await new Promise((soon) => setTimeout(soon, 20));
    this.sessions[call].sendDTMF(digits, { transportType, duration: 100, interToneGap: 100 });
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

  /** What the newest call hears. */
  listen(seconds) {
    return this.sounds.at(-1).listen(seconds);
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
