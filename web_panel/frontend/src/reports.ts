// What a report is asked for, what it answers, and which calls a figure of it counts.

import { batch, computed, effect, signal } from "@preact/signals";

import { Refused, read } from "./api";
import { now } from "./clock";
import { dayOf } from "./i18n";

export type Kind = "lines" | "agents" | "missed";
export const INTERVALS = [15, 30, 60, 1440] as const;
export const MOST_CALLS = 1000; // of a list, as the server bounds it

export interface LineRow {
  line: string;
  since: string;
  until: string;
  counts: Record<string, number>;
  left: Record<string, number>;
  service_level: Record<string, number | null>;
  answer_mean: number | null;
  answer_median: number | null;
  answer_p90: number | null;
  answer_p95: number | null;
  abandon_mean: number | null;
  longest_wait: number | null;
  abandonment: number | null;
  abandonment_plain: number | null;
}

export interface AgentRow {
  user_id: string;
  name: string;
  counts: Record<string, number>;
  talk: number;
  hold: number;
  wrap_up: number;
  ring: number;
  handling_mean: number | null;
  signed_in: number;
  busy: number;
  idle: number;
  paused: Record<string, number>;
  occupancy: number | null;
  pause_share: number | null;
}

export interface MissedRow {
  line: string | null;
  counts: Record<string, number>;
  first_try_median: number | null;
  first_try_p90: number | null;
  made_good_mean: number | null;
  made_good_median: number | null;
  made_good_p90: number | null;
  share_within_15_minutes: number | null;
  share_within_60_minutes: number | null;
}

export interface Report {
  lines: LineRow[];
  agents: AgentRow[];
  missed: MissedRow[];
}

/** A call behind a figure: a wait, an offer or a part of a call, a missed contact. What a kind lacks is not there. */
export interface Behind {
  event_id: string | null;
  phone: string;
  line?: string | null;
  joined_at?: string;
  left_at?: string | null;
  started_at?: string;
  ended_at?: string | null;
  opened_at?: string;
  first_attempt_at?: string | null;
  closed_at?: string | null;
  reason?: string | null;
  result?: string;
  extension?: string | null;
}

/** Which figure is looked into. `within`: the row's interval, where the report has several of them. */
export interface Figure {
  kind: Kind;
  count: string;
  of: string;
  narrowed: Record<string, string>;
  within: { since: string; until: string } | null;
}

export const kind = signal<Kind>("lines");
export const since = signal("");
export const until = signal("");
export const line = signal("");
export const interval = signal(0); // minutes; 0: the whole period
export const byAnswer = signal(false);
export const threshold = signal("20");
export const short = signal("5");
export const found = signal<Partial<Report>>({});
export const failure = signal<unknown>(null);
export const loading = signal(false);
export const figure = signal<Figure | null>(null);

/** The company's day that lies so many days back. */
export function dayBack(days: number): string {
  return dayOf(now.peek() - days * 24 * 3600 * 1000);
}

function parameters(of: Kind): URLSearchParams {
  const asked = new URLSearchParams({ since: since.value, until: until.value });
  if (of !== "agents" && line.value) asked.set("line", line.value);
  if (of === "lines") {
    if (interval.value) asked.set("interval", String(interval.value));
    if (byAnswer.value) asked.set("by", "answer");
    if (threshold.value) asked.set("threshold", threshold.value);
    if (short.value) asked.set("short", short.value);
  }
  return asked;
}

export const address = computed(() => `/api/reports/${kind.value}?${parameters(kind.value)}`);
export const tableAddress = computed(() => `/api/reports/${kind.value}.csv?${parameters(kind.value)}`);

export async function load(): Promise<void> {
  const [from, of] = [address.value, kind.value];
  loading.value = true;
  try {
    const rows = await read<never[]>(from);
    if (from !== address.peek()) return; // a slower, older answer is not shown
    batch(() => {
      found.value = { [of]: rows };
      failure.value = null;
    });
  } catch (problem) {
    if (from === address.peek()) failure.value = problem;
  }
  loading.value = false;
}

/** The calls that a figure counts. Of an interval: those of its day, which the server is asked for, within it. Those
    missed outside the lines have no line that the server could be asked for: they are picked out here. */
export async function callsBehind(asked: Figure): Promise<{ calls: Behind[]; more: boolean }> {
  const query = parameters(asked.kind);
  for (const [name, value] of Object.entries(asked.narrowed)) query.set(name, value);
  if (asked.within) {
    query.set("since", dayOf(asked.within.since));
    query.set("until", dayOf(asked.within.since));
  }
  const all = await read<Behind[]>(`/api/reports/${asked.kind}/${asked.count}?${query}`);
  const anyLine = asked.kind !== "missed" || "line" in asked.narrowed;
  const calls = all.filter((one) => isWithin(one, asked.within) && (anyLine || one.line === null));
  return { calls, more: all.length >= MOST_CALLS };
}

function isWithin(one: Behind, span: Figure["within"]): boolean {
  if (span === null) return true;
  const at = new Date((byAnswer.value ? one.left_at : one.joined_at) ?? 0).getTime();
  return new Date(span.since).getTime() <= at && at < new Date(span.until).getTime();
}

/** Whether the server would find fault with what is entered; it says with what. */
export function isRefused(name: string): boolean {
  return failure.value instanceof Refused && failure.value.field === name;
}

effect(() => {
  void address.value; // what is asked has changed, so the list beneath is of something else
  figure.value = null;
});
