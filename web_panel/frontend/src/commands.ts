// What a person can tell the server to do.

import { request } from "./api";

export const call = (number: string, followUp?: string): Promise<unknown> =>
  request("POST", "/api/calls", followUp ? { number, follow_up: followUp } : { number });
export const hangUp = (callId: string): Promise<unknown> => request("DELETE", `/api/calls/${callId}`);
export const declare = (will: "ready" | "paused", reason = ""): Promise<unknown> =>
  request("PUT", "/api/agents/me", { will, reason });
export const claim = (followUp: string): Promise<unknown> => request("POST", `/api/follow-ups/${followUp}/claim`);
export const handOver = (followUp: string, to: string): Promise<unknown> =>
  request("POST", `/api/follow-ups/${followUp}/hand-over`, { to });
export const closeFollowUp = (followUp: string, result: string): Promise<unknown> =>
  request("POST", `/api/follow-ups/${followUp}/close`, { result });
export const writeContent = (eventId: string, content: string): Promise<unknown> =>
  request("PUT", `/api/events/${eventId}/content`, { content });
