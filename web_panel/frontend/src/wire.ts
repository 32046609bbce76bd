// The websocket's contract, as web_panel/wire.py states it. A test compares the two.

export type AgentStatus = "offline" | "free" | "calling" | "offered" | "busy" | "waiting" | "wrap_up" | "paused" | "signed_out" | "away" | "dnd";
export type Will = "signed_out" | "ready" | "on_demand" | "paused";
export type CallState = "ringing" | "menu" | "queued" | "talking" | "held" | "parked" | "ended";
export type CardState = "known" | "several" | "unknown" | "late";
export type TicketState = "waiting" | "called" | "served";
export type Direction = "inbound" | "outbound" | "internal";

export interface SupervisingView {
  call_id: string;
  agent: string;
  mode: "listen" | "whisper" | "barge";
}

export interface AgentView {
  user_id: string;
  name: string;
  extension: string | null;
  window: string | null;
  status: AgentStatus;
  since: string | null;
  wrap_up_until: string | null;
  online: boolean;
  ready: boolean;
  will: Will;
  hand: string | null;
  reason: string;
  status_name: Record<string, string> | null;
  uses_statuses: boolean;
  forwards: string[];
  calls: string[];
  ticket: string | null;
  supervises: SupervisingView | null;
}

export interface PartyView {
  number: string;
  name: string;
  client_id: string | null;
  client_name: string | null;
}

export interface CallPerson {
  extension: string;
  name: string;
  status: AgentStatus;
  since: string;
}

export interface TransferView {
  by: string;
  target: string;
  attended: boolean;
  consulting: boolean;
}

export interface MemberView {
  extension: string | null;
  name: string;
  number: string;
}

export interface SoundView {
  grade: "good" | "fair" | "poor" | null;
  mos: number | null;
  trouble: "one_way" | "no_sound" | "long_silence" | null;
  worst: string | null;
}

export interface RecordingView {
  by: string | null;
  paused: boolean;
  loses_sound: boolean;
}

export interface CallView {
  call_id: string;
  state: CallState;
  since: string;
  started_at: string;
  answered_at: string | null;
  direction: Direction;
  party: PartyView;
  dialled: string | null;
  line: string | null;
  people: CallPerson[];
  recording: RecordingView | null;
  sound: SoundView | null;
  held_by: string[];
  transfer: TransferView | null;
  members: MemberView[];
  orbit: string | null;
  conference: string | null;
  secret: boolean;
  event_id: string | null;
  outcome: string | null;
}

export interface WaitingCaller {
  call_id: string;
  since: string;
  party: PartyView;
  offered_to: string[];
  points: number;
  agent: string | null;
}

export interface WaitingCallback {
  id: string;
  since: string;
  party: PartyView;
  tries: number;
  again_at: string | null;
  calling: boolean;
  points: number;
  agent: string | null;
}

export interface LineView {
  number: string;
  name: string;
  agents: string[];
  free: number;
  count: number;
  waiting: WaitingCaller[];
  owed: number;
  callbacks: WaitingCallback[];
  is_open: boolean;
  message: string;
}

export interface GuestView {
  call_id: string;
  extension: string | null;
  name: string;
  party: PartyView | null;
  since: string;
  muted: boolean;
  speaking: boolean;
  held: boolean;
  moderator: boolean;
}

export interface MeetingView {
  number: string;
  name: string;
  since: string;
  locked: boolean;
  recorded: boolean;
  moderators: string[];
  guests: GuestView[];
}

export interface NoticeView {
  id: string;
  at: string;
  legs: number;
}

export interface FollowUpView {
  id: string;
  state: string;
  owner_id: string | null;
  owner_name: string | null;
  due_at: string | null;
}

export interface MissedView {
  key: string;
  party: PartyView;
  count: number;
  last_at: string;
  line: string | null;
  outcome: string;
  event_id: string | null;
  follow_up: FollowUpView | null;
}

export interface CardClientView {
  id: string;
  name: string;
  owner_name: string | null;
  language: "uk" | "en" | "ru" | null;
  black_listed: boolean;
  confidence: number;
  contact_id: string | null;
  contact_name: string | null;
  job_title: string | null;
}

export interface CardFollowUpView {
  id: string;
  state: string;
  owner_id: string;
  owner_name: string;
  due_at: string;
  missed_count: number;
}

export interface CardCallView {
  event_id: string;
  type: string;
  started_at: string;
  talk_seconds: number;
  owner_name: string | null;
}

export interface CardTaskView {
  id: string;
  status: string;
  title: string;
  due_at: string | null;
  owner_name: string | null;
}

export interface CardTicketView {
  id: string;
  number: string;
  starts_at: string;
  state: TicketState;
  window: string | null;
}

export interface CardView {
  call_id: string;
  number: string;
  state: CardState;
  clients: CardClientView[];
  follow_up: CardFollowUpView | null;
  calls: CardCallView[];
  tasks: CardTaskView[];
  tickets: CardTicketView[];
}

export interface TicketView {
  id: string;
  number: string;
  service: string;
  starts_at: string;
  booked: boolean;
  state: TicketState;
  window: string | null;
  user_id: string | null;
}

export interface BoardLineView {
  number: string;
  window: string;
  called_at: string;
}

export interface ServiceView {
  id: string;
  code: string;
  name: Record<string, string>;
}

export interface Snapshot {
  type: "snapshot";
  seq: number;
  at: string;
  agents: AgentView[];
  calls: CallView[];
  lines: LineView[];
  meetings: MeetingView[];
  notices: NoticeView[];
  missed: MissedView[];
  cards: CardView[];
  tickets: TicketView[];
  services: ServiceView[];
  board: BoardLineView[];
}

export interface BoardSnapshot {
  type: "board";
  seq: number;
  at: string;
  board: BoardLineView[];
}

export interface AgentChanged {
  type: "agent.changed";
  seq: number;
  agent: AgentView;
}

export interface CallChanged {
  type: "call.changed";
  seq: number;
  call: CallView;
}

export interface LineChanged {
  type: "line.changed";
  seq: number;
  line: LineView;
}

export interface MeetingChanged {
  type: "meeting.changed";
  seq: number;
  meeting: MeetingView;
}

export interface NoticeChanged {
  type: "notice.changed";
  seq: number;
  notice: NoticeView;
}

export interface MissedChanged {
  type: "missed.changed";
  seq: number;
  missed: MissedView;
}

export interface CardChanged {
  type: "card.changed";
  seq: number;
  card: CardView;
}

export interface TicketChanged {
  type: "ticket.changed";
  seq: number;
  ticket: TicketView;
}

export interface BoardChanged {
  type: "board.changed";
  seq: number;
  board: BoardLineView[];
}

export interface Gone {
  type: "gone";
  seq: number;
  kind: "agent" | "call" | "line" | "meeting" | "notice" | "missed" | "card" | "ticket";
  id: string;
}

export interface Lost {
  type: "lost";
  count: number;
}

export interface Pong {
  type: "pong";
  at: string;
}

export type Change =
  | AgentChanged
  | CallChanged
  | LineChanged
  | MeetingChanged
  | NoticeChanged
  | MissedChanged
  | CardChanged
  | TicketChanged
  | BoardChanged
  | Gone;

export type ServerMessage = Snapshot | BoardSnapshot | Change | Lost | Pong;
