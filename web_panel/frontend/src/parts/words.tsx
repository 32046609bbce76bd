// Statuses, times, people and numbers as the panel writes them everywhere.

import type { JSX } from "preact";

import { now, secondsSince } from "../clock";
import { formatDateTime, formatDuration, formatMoment, t } from "../i18n";
import { agents, meetings } from "../live-store";
import type { AgentStatus, CallState, PartyView } from "../wire";

export function StatusPill({ status }: { status: AgentStatus }): JSX.Element {
  return <span class={`pill ${status}`}>{t(`status.${status}`)}</span>;
}

export function StatePill({ state }: { state: CallState }): JSX.Element {
  return <span class={`pill ${state}`}>{t(`call_state.${state}`)}</span>;
}

/** Counts up by itself from a moment; nothing else is redrawn. */
export function Since({ at }: { at: string | null }): JSX.Element | null {
  if (at === null) return null;
  return <span class="timer">{formatDuration(secondsSince(at))}</span>;
}

export function Moment({ at }: { at: string }): JSX.Element {
  return (
    <time dateTime={at} title={formatDateTime(at)}>
      {formatMoment(at, now.value)}
    </time>
  );
}

/** Groups the digits of the numbers that people here know by heart; leaves every other text as it came. */
export function formatPhone(number: string): string {
  const ukrainian = /^\+380(\d{2})(\d{3})(\d{2})(\d{2})$/.exec(number);
  return ukrainian ? `+380 ${ukrainian[1]} ${ukrainian[2]} ${ukrainian[3]} ${ukrainian[4]}` : number;
}

/** The colleague with this extension, as far as I may see colleagues. */
export function nameOf(extension: string): string {
  for (const agent of agents.value.values()) if (agent.extension === extension) return agent.name;
  return "";
}

export function conferenceName(number: string): string {
  return meetings.value.get(number)?.name || number;
}

export function partyTitle(party: PartyView): string {
  return party.client_name || party.name || formatPhone(party.number) || t("party.withheld");
}

/** The number, when the title is a name. */
export function partyNumber(party: PartyView): string {
  return party.client_name || party.name ? formatPhone(party.number) : "";
}

export function Party({ party }: { party: PartyView }): JSX.Element {
  const number = partyNumber(party);
  return (
    <div class="grow">
      <div class="strong clip">{partyTitle(party)}</div>
      {number && <div class="muted small number clip">{number}</div>}
    </div>
  );
}
