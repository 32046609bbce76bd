// Every live call: who with whom, in which state, how long.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { hangUp } from "../commands";
import { t, tOr } from "../i18n";
import { calls, lines } from "../live-store";
import { may, me } from "../session";
import { attempt } from "../toasts";
import type { CallView } from "../wire";
import { Icon } from "./icon";
import { partyNumber, partyTitle, Since, StatePill } from "./words";

const sorted = computed(() =>
  [...calls.value.values()].sort((one, other) => one.started_at.localeCompare(other.started_at)),
);

interface End {
  title: string;
  second: string;
}

function partyEnd(call: CallView): End {
  return { title: partyTitle(call.party), second: partyNumber(call.party) };
}

/** Our side of the call: the people in it, else the line or number that was dialled. */
function ourEnd(call: CallView): End {
  const people = call.people.filter((person) => call.direction !== "internal" || person.status !== "calling");
  const names = people.map((person) => person.name || person.extension).join(", ");
  const line = call.line ? (lines.value.get(call.line)?.name ?? call.line) : "";
  if (names) return { title: names, second: line || people.map((person) => person.extension).join(", ") };
  return { title: line || (call.dialled ?? ""), second: line ? (call.line ?? "") : "" };
}

function ends(call: CallView): [End, End] {
  if (call.direction === "outbound") return [ourEnd(call), partyEnd(call)];
  if (call.direction === "inbound") return [partyEnd(call), ourEnd(call)];
  const callee = call.people.find((person) => person.extension !== call.party.number);
  const line = call.line ? (lines.value.get(call.line)?.name ?? call.line) : "";
  const dialled = line || (call.dialled ?? "");
  const second = callee ? dialled : line ? (call.line ?? "") : "";
  return [partyEnd(call), { title: callee ? callee.name || callee.extension : dialled, second }];
}

function mine(call: CallView): boolean {
  return call.people.some((person) => person.extension === me.value?.extension);
}

function CallEnd({ end }: { end: End }): JSX.Element {
  return (
    <div class="grow">
      <div class="strong clip">{end.title}</div>
      {end.second && end.second !== end.title && <div class="muted small number clip">{end.second}</div>}
    </div>
  );
}

function CallRow({ call }: { call: CallView }): JSX.Element {
  const [from, to] = ends(call);
  const ended = call.state === "ended";
  return (
    <li class="call" data-testid="call" data-call-id={call.call_id} data-state={call.state}>
      <StatePill state={call.state} />
      <div class="ends">
        <CallEnd end={from} />
        <Icon name="arrow" />
        <CallEnd end={to} />
      </div>
      <span>
        {ended && call.outcome && <span class="tag">{tOr("outcome", call.outcome, "outcome.failed")}</span>}
        {!ended && call.recorded && <span class="tag recorded">{t("call.recorded")}</span>}
      </span>
      {ended ? <span /> : <Since at={call.since} />}
      {!ended && (may("supervise") || mine(call)) ? (
        <button
          class="icon-button danger"
          type="button"
          title={t("phone_hangup_action")}
          aria-label={t("call.hang_up_whom", { who: from.title })}
          data-testid="hang-up"
          onClick={() => void attempt(() => hangUp(call.call_id))}
        >
          <Icon name="hang-up" />
        </button>
      ) : (
        <span />
      )}
    </li>
  );
}

export function Calls(): JSX.Element {
  return (
    <section class="card" aria-labelledby="calls-title" data-testid="calls">
      <div class="card-head">
        <h2 id="calls-title" class="grow">
          {t("calls.title")}
        </h2>
        <span class="count small">{sorted.value.filter((call) => call.state !== "ended").length}</span>
      </div>
      {sorted.value.length === 0 && <p class="empty">{t("calls.none")}</p>}
      <ul class="entries">
        {sorted.value.map((call) => (
          <CallRow key={call.call_id} call={call} />
        ))}
      </ul>
    </section>
  );
}
