// Every live call: who with whom, in which state, how long.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { hangUp, pickUp, pickUpAny, supervise } from "../commands";
import { formatNumber, t, tOr, type TextKey } from "../i18n";
import { calls, lines, myAgent } from "../live-store";
import { may, me } from "../session";
import { attempt } from "../toasts";
import type { CallPerson, CallView, SoundView } from "../wire";
import { Icon } from "./icon";
import { conferenceName, formatPhone, nameOf, partyNumber, partyTitle, Since, StatePill } from "./words";

const sorted = computed(() =>
  [...calls.value.values()].sort((one, other) => one.started_at.localeCompare(other.started_at)),
);

interface End {
  title: string;
  second: string;
}

function lineName(call: CallView): string {
  return call.line ? (lines.value.get(call.line)?.name ?? call.line) : "";
}

/** What was dialled: the line by its name, a colleague by theirs. */
function dialledEnd(call: CallView): End {
  if (call.conference !== null)
    return { title: conferenceName(call.conference), second: call.conference };
  const line = lineName(call);
  if (line) return { title: line, second: call.line ?? "" };
  const number = call.dialled ?? "";
  const name = nameOf(number);
  return name ? { title: name, second: number } : { title: formatPhone(number), second: "" };
}

/** The people of the company on our side of the call, else what was dialled. */
function ourEnd(call: CallView, people: readonly CallPerson[]): End {
  if (people.length === 0 || call.conference !== null) return dialledEnd(call);
  const numbers = people.map((person) => person.extension).join(", ");
  return {
    title: people.map((person) => person.name || person.extension).join(", "),
    second: lineName(call) || numbers,
  };
}

function ends(call: CallView): [End, End] {
  const party = { title: partyTitle(call.party), second: partyNumber(call.party) };
  if (call.direction === "outbound") return [ourEnd(call, call.people), party];
  if (call.direction === "inbound") return [party, ourEnd(call, call.people)];
  return [party, ourEnd(call, call.people.filter((person) => person.extension !== call.party.number))];
}

function mine(call: CallView): boolean {
  return call.people.some((person) => person.extension === me.value?.extension);
}

/** It rings at a colleague's, and I have a phone to take it with. */
function mayPickUp(call: CallView): boolean {
  const rings = call.state === "ringing" && call.people.some((person) => person.status === "offered");
  return rings && may("call") && Boolean(me.value?.extension) && !mine(call);
}

/** Somebody talks, and I have a phone to listen with that sits beside no call yet. */
function mayListen(call: CallView): boolean {
  const talks = (call.state === "talking" || call.state === "held") && call.conference === null;
  return talks && may("supervise") && Boolean(me.value?.extension) && !mine(call) && !myAgent.value?.supervises;
}

function CallEnd({ end }: { end: End }): JSX.Element {
  return (
    <div class="grow">
      <div class="strong clip">{end.title}</div>
      {end.second && end.second !== end.title && <div class="muted small number clip">{end.second}</div>}
    </div>
  );
}

/** How it sounds, by its worst leg; whose that is when it matters. */
function SoundMark({ sound }: { sound: SoundView }): JSX.Element | null {
  const { trouble, grade } = sound;
  if (trouble === null && grade === null) return null;
  const who = sound.worst === null ? t("sound.outside") : nameOf(sound.worst) || sound.worst;
  const score = sound.mos === null ? "" : t("sound.score", { mos: formatNumber(Math.round(sound.mos * 10) / 10) });
  const blames = trouble === null ? grade !== "good" : trouble === "one_way";
  const worst = blames ? t("sound.worst", { who }) : "";
  return (
    <span class={`sound ${trouble ?? grade} small`} title={[worst, score].filter(Boolean).join(" · ")} data-testid="sound">
      {trouble !== null ? t(`sound_trouble.${trouble}`) : grade !== null && t(`sound_grade.${grade}`)}
      {worst && <span class="only-heard">{worst}</span>}
    </span>
  );
}

function recordingOf({ recording }: CallView): TextKey | null {
  if (!recording) return null;
  if (recording.loses_sound) return "recording.loses_sound";
  return recording.paused ? "recording.paused" : "call.recorded";
}

function CallRow({ call }: { call: CallView }): JSX.Element {
  const [from, to] = ends(call);
  const ended = call.state === "ended";
  const recorded = recordingOf(call);
  return (
    <li class="call" data-testid="call" data-call-id={call.call_id} data-state={call.state}>
      <div class="call-state">
        <StatePill state={call.state} />
        {!ended && call.sound && <SoundMark sound={call.sound} />}
      </div>
      <CallEnd end={from} />
      <Icon name="arrow" />
      <CallEnd end={to} />
      {ended ? (
        <span class="tag">{tOr("outcome", call.outcome ?? "", "outcome.failed")}</span>
      ) : (
        <span class={recorded ? "recorded timer" : "timer"} title={recorded ? t(recorded) : undefined}>
          <Since at={call.since} />
          {recorded && <span class={call.recording?.loses_sound ? "tag" : "only-heard"}>{t(recorded)}</span>}
        </span>
      )}
      <div class="row">
        {mayPickUp(call) && (
          <button
            class="icon-button"
            type="button"
            title={t("call.pick_up")}
            aria-label={t("call.pick_up_whom", { who: from.title })}
            data-testid="pick-up"
            onClick={() => void attempt(() => pickUp(call.call_id), t("call.phone_will_ring"))}
          >
            <Icon name="phone" />
          </button>
        )}
        {mayListen(call) && (
          <button
            class="icon-button"
            type="button"
            title={t("supervision_mode.listen")}
            aria-label={t("supervision.listen_to", { who: to.title })}
            data-testid="listen"
            onClick={() => void attempt(() => supervise(call.call_id, "listen"), t("call.phone_will_ring"))}
          >
            <Icon name="listen" />
          </button>
        )}
        {may("supervise") && (
          <a
            class="icon-button"
            href={`/calls/${call.call_id}`}
            title={t("ladder.open")}
            aria-label={t("ladder.open_of", { who: from.title })}
            data-testid="signalling"
          >
            <Icon name="ladder" />
          </a>
        )}
        {!ended && (may("supervise") || mine(call)) && (
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
        )}
      </div>
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
        {may("call") && me.value?.extension && (
          <button
            class="button quiet compact"
            type="button"
            title={t("call.pick_up_any")}
            data-testid="pick-up-any"
            onClick={() => void attempt(pickUpAny, t("call.phone_will_ring"))}
          >
            <Icon name="phone" />
            {t("call.pick_up")}
          </button>
        )}
        <span class="count small">{sorted.value.filter((call) => call.state !== "ended").length}</span>
      </div>
      {sorted.value.length === 0 && <p class="empty">{t("calls.none")}</p>}
      <ul class="entries calls-list">
        {sorted.value.map((call) => (
          <CallRow key={call.call_id} call={call} />
        ))}
      </ul>
    </section>
  );
}
