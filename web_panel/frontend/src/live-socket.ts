// One websocket that heals itself: it reconnects, notices silence, and asks for a new snapshot when something was lost.

import { signal, type Signal } from "@preact/signals";

import { serverSays } from "./clock";
import type { BoardSnapshot, Change, ServerMessage, Snapshot } from "./wire";

export type Link = "connecting" | "live" | "lost";

const RETRY_FIRST = 500;
const RETRY_MOST = 10_000;
const PING_EVERY = 15_000;
const PONG_WITHIN = 8_000;
const SIGNED_OUT = 4401;

export interface Listener {
  snapshot(message: Snapshot | BoardSnapshot): void;
  change(message: Change): void;
  signedOut?(): void;
  /** The socket could not be opened: find out why, perhaps the session is over. */
  refused?(): void;
}

export class LiveSocket {
  readonly link: Signal<Link> = signal<Link>("connecting");
  private socket: WebSocket | null = null;
  private seq = -1;
  private behind = true; // until a snapshot comes, changes mean nothing
  private retryAfter = RETRY_FIRST;
  private timers: number[] = [];
  private pongDue: number | undefined;
  private fresh = true; // this connection has not brought a snapshot yet
  private stopped = false;

  constructor(
    private readonly path: string,
    private readonly listener: Listener,
  ) {
    addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.hangUp();
  }

  private connect(): void {
    this.hangUp();
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${this.path}`);
    this.socket = socket;
    this.fresh = true;
    socket.onmessage = (event: MessageEvent<string>) => this.receive(JSON.parse(event.data) as ServerMessage);
    socket.onclose = (event) => this.lost(event.code);
    this.timers.push(window.setInterval(() => this.ping(), PING_EVERY));
  }

  private hangUp(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers = [];
    this.pongDue = undefined;
    if (this.socket) {
      this.socket.onclose = null;
      this.socket.onmessage = null;
      this.socket.close();
      this.socket = null;
    }
  }

  private lost(code: number): void {
    this.hangUp();
    if (this.stopped) return;
    if (this.fresh) this.listener.refused?.();
    this.behind = true;
    this.link.value = "lost";
    if (code === SIGNED_OUT) {
      this.listener.signedOut?.();
      return;
    }
    // Spread out, so that a restarted server does not meet everybody in the same instant.
    const wait = this.retryAfter * (0.7 + Math.random() * 0.6);
    this.retryAfter = Math.min(this.retryAfter * 2, RETRY_MOST);
    this.timers.push(window.setTimeout(() => this.connect(), wait));
  }

  private readonly wake = (): void => {
    if (this.stopped || document.visibilityState === "hidden") return;
    if (this.link.value === "lost") this.connect();
    else this.ping();
  };

  private ping(): void {
    if (this.socket?.readyState !== WebSocket.OPEN || this.pongDue !== undefined) return;
    this.socket.send('{"type":"ping"}');
    this.pongDue = window.setTimeout(() => this.lost(0), PONG_WITHIN);
    this.timers.push(this.pongDue);
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "pong":
        clearTimeout(this.pongDue);
        this.pongDue = undefined;
        serverSays(message.at);
        return;
      case "lost":
        this.resync();
        return;
      case "snapshot":
      case "board":
        this.seq = message.seq;
        this.behind = false;
        this.fresh = false;
        this.retryAfter = RETRY_FIRST;
        serverSays(message.at);
        this.listener.snapshot(message);
        this.link.value = "live";
        return;
      default:
        if (this.behind) return;
        if (message.seq !== this.seq + 1) this.resync();
        else {
          this.seq = message.seq;
          this.listener.change(message);
        }
    }
  }

  private resync(): void {
    if (this.behind) return; // already asked
    this.behind = true;
    this.socket?.send('{"type":"resync"}');
  }
}
