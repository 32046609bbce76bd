// What a person can tell the server to do.

import { request } from "./api";
import type { Will } from "./wire";

export const call = (number: string, followUp?: string): Promise<unknown> =>
  request("POST", "/api/calls", followUp ? { number, follow_up: followUp } : { number });
export const hangUp = (callId: string): Promise<unknown> => request("DELETE", `/api/calls/${callId}`);
const tell = (callId: string, command: string, body?: unknown): Promise<unknown> =>
  request("POST", `/api/calls/${callId}/${command}`, body);
export const hold = (callId: string): Promise<unknown> => tell(callId, "hold");
export const resume = (callId: string): Promise<unknown> => tell(callId, "resume");
export const transfer = (callId: string, number: string): Promise<unknown> => tell(callId, "transfer", { number });
export const consult = (callId: string, number: string): Promise<unknown> => tell(callId, "consult", { number });
export const complete = (callId: string): Promise<unknown> => tell(callId, "complete");
export const confer = (callId: string): Promise<unknown> => tell(callId, "conference");
export const invite = (callId: string, number: string): Promise<unknown> => tell(callId, "invite", { number });
export const swap = (callId: string): Promise<unknown> => tell(callId, "swap");
export const takeBack = (callId: string): Promise<unknown> => tell(callId, "take-back");
export const park = (callId: string): Promise<unknown> => tell(callId, "park", {});
export const record = (callId: string, what: "start" | "stop" | "pause" | "resume" | "hide" | "show"): Promise<unknown> =>
  tell(callId, "recording", { what });
export const supervise = (callId: string, mode: "listen" | "whisper" | "barge"): Promise<unknown> =>
  tell(callId, "supervise", { mode });
export const stopSupervising = (callId: string): Promise<unknown> =>
  request("DELETE", `/api/calls/${callId}/supervise`);
export const takeOver = (callId: string): Promise<unknown> => tell(callId, "take-over");
export const pickUp = (callId: string): Promise<unknown> => tell(callId, "pick-up");
export const pickUpAny = (): Promise<unknown> => request("POST", "/api/calls/pick-up");
export const retrieve = (orbit: string): Promise<unknown> => request("POST", "/api/calls/retrieve", { orbit });

const conference = (number: string): string => `/api/conferences/${encodeURIComponent(number)}`;
export const muteGuest = (number: string, callId: string, on: boolean): Promise<unknown> =>
  request("POST", `${conference(number)}/members/${callId}/${on ? "mute" : "unmute"}`);
export const removeGuest = (number: string, callId: string): Promise<unknown> =>
  request("DELETE", `${conference(number)}/members/${callId}`);
export const lockConference = (number: string, on: boolean): Promise<unknown> =>
  request("POST", `${conference(number)}/${on ? "lock" : "unlock"}`);
export const endConference = (number: string): Promise<unknown> => request("DELETE", conference(number));

export type ForwardKind = "always" | "busy" | "no_answer";

/** How I want to be reached. `lines` null: no limit; `ring_seconds` null: as long as the company's phones ring. */
export interface Phone {
  forwards: Record<ForwardKind, string>;
  do_not_disturb: boolean;
  lines: number | null;
  ring_seconds: number | null;
  auto_answer: boolean;
}

export type PhoneChange = Partial<Pick<Phone, "do_not_disturb" | "lines" | "ring_seconds" | "auto_answer">>;

export const changePhone = (wished: PhoneChange): Promise<Phone> => request("PATCH", "/api/phone", wished);
export const forward = (kind: ForwardKind, number: string): Promise<Phone> =>
  request("PUT", `/api/phone/forwards/${kind}`, { number });
/** `who`: me, or the id of the user whom a supervisor sets. */
export const declare = (will: Will, reason = "", who = "me"): Promise<unknown> =>
  request("PUT", `/api/agents/${who}`, { will, reason });
/** Choose a user status. */
export const chooseStatus = (status: string, who = "me"): Promise<unknown> =>
  request("PUT", `/api/agents/${who}`, { status });
export const endWrapUp = (who = "me"): Promise<unknown> => request("DELETE", `/api/agents/${who}/wrap-up`);
/** It lasts so long from now on. */
export const prolongWrapUp = (seconds: number): Promise<unknown> =>
  request("PUT", "/api/agents/me/wrap-up", { seconds });
export const raiseHand = (): Promise<unknown> => request("PUT", "/api/agents/me/hand");
export const lowerHand = (who = "me"): Promise<unknown> => request("DELETE", `/api/agents/${who}/hand`);
export const claim = (followUp: string): Promise<unknown> => request("POST", `/api/follow-ups/${followUp}/claim`);
export const handOver = (followUp: string, to: string): Promise<unknown> =>
  request("POST", `/api/follow-ups/${followUp}/hand-over`, { to });
export const postpone = (followUp: string, until: string): Promise<unknown> =>
  request("POST", `/api/follow-ups/${followUp}/postpone`, { until });
export const closeFollowUp = (followUp: string, result: string): Promise<unknown> =>
  request("POST", `/api/follow-ups/${followUp}/close`, { result });
export const writeContent = (eventId: string, content: string): Promise<unknown> =>
  request("PUT", `/api/events/${eventId}/content`, { content });
export const chooseClient = (eventId: string, clientId: string): Promise<unknown> =>
  request("PUT", `/api/events/${eventId}/client`, { client_id: clientId });
export const createClient = (eventId: string, name: string): Promise<unknown> =>
  request("POST", "/api/clients", { name, event_id: eventId });

/** A call that took place elsewhere. `started_at` null: it has just ended. */
export interface TakenCall {
  direction: string;
  phone: string;
  client_id: string | null;
  started_at: string | null;
  minutes: number;
  content: string;
}

export const registerCall = (taken: TakenCall): Promise<{ id: string }> =>
  request("POST", "/api/events/phone-calls", taken);

const waits = (callId: string): string => `/api/waiting/${callId}`;
export const moveTo = (callId: string, line: string): Promise<unknown> =>
  request("POST", `${waits(callId)}/move`, { line });
export const prefer = (callId: string, points: number): Promise<unknown> =>
  request("PUT", `${waits(callId)}/points`, { points });
/** "": to nobody in particular. */
export const assign = (callId: string, agent: string): Promise<unknown> =>
  agent ? request("PUT", `${waits(callId)}/agent`, { agent }) : request("DELETE", `${waits(callId)}/agent`);
export const withdraw = (callId: string): Promise<unknown> => request("POST", `${waits(callId)}/withdraw`, {});
export const callBackNoMore = (promise: string): Promise<unknown> => request("DELETE", `/api/callbacks/${promise}`);
export const switchLine = (line: string, to: { is_open?: boolean; message?: string }): Promise<unknown> =>
  request("PUT", `/api/waiting/lines/${encodeURIComponent(line)}`, to);
