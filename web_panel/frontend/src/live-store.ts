// What the desk shows, held as signals: a changed call redraws that call's row and nothing else.

import { batch, computed, signal } from "@preact/signals";

import { LiveSocket, type Link } from "./live-socket";
import { checkSession, me, signedOutElsewhere } from "./session";
import type {
  AgentView,
  BoardLineView,
  BoardSnapshot,
  CallView,
  CardView,
  Change,
  LineView,
  MeetingView,
  MissedView,
  NoticeView,
  ServiceView,
  Snapshot,
  TicketView,
} from "./wire";

const ENDED_STAYS = 6_000; // milliseconds that an ended call is still shown

export const agents = signal<ReadonlyMap<string, AgentView>>(new Map());
export const calls = signal<ReadonlyMap<string, CallView>>(new Map());
export const lines = signal<ReadonlyMap<string, LineView>>(new Map());
export const meetings = signal<ReadonlyMap<string, MeetingView>>(new Map());
export const notices = signal<ReadonlyMap<string, NoticeView>>(new Map());
export const missed = signal<ReadonlyMap<string, MissedView>>(new Map());
/** Who calls, by call. */
export const cards = signal<ReadonlyMap<string, CardView>>(new Map());
export const tickets = signal<ReadonlyMap<string, TicketView>>(new Map());
export const services = signal<readonly ServiceView[]>([]);
export const board = signal<readonly BoardLineView[]>([]);
export const link = signal<Link>("connecting");

export const myAgent = computed(() => {
  const person = me.value;
  return person ? agents.value.get(person.id) : undefined;
});

/** The calls that the signed-in person's phone rings or talks in. */
export const myCalls = computed(() => {
  const extension = me.value?.extension;
  if (!extension) return [];
  return [...calls.value.values()].filter(
    (call) => call.state !== "ended" && call.people.some((person) => person.extension === extension),
  );
});

function keyed<T>(entries: readonly T[], key: (entry: T) => string): Map<string, T> {
  return new Map(entries.map((entry) => [key(entry), entry]));
}

function put<T>(table: ReadonlyMap<string, T>, key: string, entry: T | null): Map<string, T> {
  const next = new Map(table);
  if (entry === null) next.delete(key);
  else next.set(key, entry);
  return next;
}

function load(message: Snapshot | BoardSnapshot): void {
  if (message.type !== "snapshot") return;
  batch(() => {
    agents.value = keyed(message.agents, (agent) => agent.user_id);
    calls.value = keyed(message.calls, (call) => call.call_id);
    lines.value = keyed(message.lines, (line) => line.number);
    meetings.value = keyed(message.meetings, (meeting) => meeting.number);
    notices.value = keyed(message.notices, (notice) => notice.id);
    missed.value = keyed(message.missed, (entry) => entry.key);
    cards.value = keyed(message.cards, (card) => card.call_id);
    tickets.value = keyed(message.tickets, (ticket) => ticket.id);
    services.value = message.services;
    board.value = message.board;
  });
}

function change(message: Change): void {
  switch (message.type) {
    case "agent.changed":
      agents.value = put(agents.value, message.agent.user_id, message.agent);
      return;
    case "call.changed":
      calls.value = put(calls.value, message.call.call_id, message.call);
      if (message.call.state === "ended") setTimeout(() => forgetEnded(message.call.call_id), ENDED_STAYS);
      return;
    case "line.changed":
      lines.value = put(lines.value, message.line.number, message.line);
      return;
    case "meeting.changed":
      meetings.value = put(meetings.value, message.meeting.number, message.meeting);
      return;
    case "notice.changed":
      notices.value = put(notices.value, message.notice.id, message.notice);
      return;
    case "missed.changed":
      missed.value = put(missed.value, message.missed.key, message.missed);
      return;
    case "card.changed":
      cards.value = put(cards.value, message.card.call_id, message.card);
      return;
    case "ticket.changed":
      tickets.value = put(tickets.value, message.ticket.id, message.ticket);
      return;
    case "board.changed":
      board.value = message.board;
      return;
    case "gone":
      gone(message.kind, message.id);
  }
}

function gone(kind: string, id: string): void {
  if (kind === "agent") agents.value = put(agents.value, id, null);
  else if (kind === "call") calls.value = put(calls.value, id, null);
  else if (kind === "line") lines.value = put(lines.value, id, null);
  else if (kind === "meeting") meetings.value = put(meetings.value, id, null);
  else if (kind === "notice") notices.value = put(notices.value, id, null);
  else if (kind === "missed") missed.value = put(missed.value, id, null);
  else if (kind === "card") cards.value = put(cards.value, id, null);
  else if (kind === "ticket") tickets.value = put(tickets.value, id, null);
}

function forgetEnded(callId: string): void {
  if (calls.value.get(callId)?.state === "ended") calls.value = put(calls.value, callId, null);
}

let socket: LiveSocket | null = null;

export function startLive(): void {
  if (socket) return;
  socket = new LiveSocket("/api/live", {
    snapshot: load,
    change,
    signedOut: signedOutElsewhere,
    refused: () => void checkSession(),
  });
  socket.link.subscribe((value) => {
    link.value = value;
  });
}

export function stopLive(): void {
  socket?.stop();
  socket = null;
  link.value = "connecting";
  agents.value = new Map();
  calls.value = new Map();
  meetings.value = new Map();
  notices.value = new Map();
  missed.value = new Map();
  cards.value = new Map();
  tickets.value = new Map();
}
