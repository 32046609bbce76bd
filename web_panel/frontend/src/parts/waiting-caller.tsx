// Somebody who waits in a line, or is called back at the place kept there. A supervisor also sees why, and moves,
// prefers, assigns or ends the wait.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { read } from "../api";
import { assign, callBackNoMore, moveTo, prefer, withdraw } from "../commands";
import { now } from "../clock";
import { formatTime, plural, t } from "../i18n";
import { lines } from "../live-store";
import { may } from "../session";
import { attempt } from "../toasts";
import type { LineView, WaitingCallback, WaitingCaller } from "../wire";
import { nameOf, partyNumber, partyTitle, Since } from "./words";

const PREFERRED = 100; // points of priority

/** Both wait for the same agents and obey the same words. */
export interface Waits extends Pick<WaitingCaller, "since" | "party" | "points" | "agent"> {
  id: string;
  callback: WaitingCallback | null;
}

export function waitOf(caller: WaitingCaller): Waits {
  return { ...caller, id: caller.call_id, callback: null };
}

export function waitOfCallback(callback: WaitingCallback): Waits {
  return { ...callback, callback };
}

/** It was tried, and its time has not come again. */
export function isLater(waits: Waits): boolean {
  const again = waits.callback?.again_at;
  return again != null && new Date(again).getTime() > now.value;
}

interface Why {
  kept_for: string | null;
  agents: Record<string, { key: string; text: string }>;
}

/** The value of an option says the command and its argument. */
function obey(waits: Waits, chosen: string): Promise<unknown> {
  const [command, argument = ""] = chosen.split(/:(.*)/s);
  switch (command) {
    case "move":
      return moveTo(waits.id, argument);
    case "agent":
      return assign(waits.id, argument);
    case "points":
      return prefer(waits.id, Number(argument));
    default:
      return waits.callback ? callBackNoMore(waits.id) : withdraw(waits.id);
  }
}

function Orders({ line, caller }: { line: LineView; caller: Waits }): JSX.Element {
  const others = [...lines.value.values()].filter((each) => each.number !== line.number);
  return (
    <select
      class="wait-orders"
      aria-label={t("wait.orders", { who: partyTitle(caller.party) })}
      data-testid="wait-orders"
      value=""
      onChange={(event) => {
        const chosen = event.currentTarget.value;
        event.currentTarget.value = "";
        void attempt(() => obey(caller, chosen));
      }}
    >
      <option value="">{t("wait.order")}</option>
      {caller.points > 0 ? (
        <option value="points:0">{t("wait.as_others")}</option>
      ) : (
        <option value={`points:${PREFERRED}`}>{t("wait.prefer")}</option>
      )}
      {caller.agent && <option value="agent:">{t("wait.anybody")}</option>}
      <optgroup label={t("wait.assign")}>
        {line.agents.map((agent) => (
          <option key={agent} value={`agent:${agent}`}>
            {[agent, nameOf(agent)].filter(Boolean).join(" ")}
          </option>
        ))}
      </optgroup>
      {others.length > 0 && (
        <optgroup label={t("wait.move")}>
          {others.map((other) => (
            <option key={other.number} value={`move:${other.number}`}>
              {other.name}
            </option>
          ))}
        </optgroup>
      )}
      <option value="withdraw">{t(caller.callback ? "callback.withdraw" : "wait.withdraw")}</option>
    </select>
  );
}

function Reasons({ why }: { why: Why }): JSX.Element {
  return (
    <ul class="wait-why small" data-testid="wait-why">
      {why.kept_for && <li>{t("wait.kept_for", { agent: nameOf(why.kept_for) || why.kept_for })}</li>}
      {Object.entries(why.agents).map(([agent, reason]) => (
        <li key={agent}>
          <span class="strong">{nameOf(agent) || agent}</span>: {reason.text}
        </li>
      ))}
    </ul>
  );
}

/** What became of it so far, in few words. */
function Promised({ waits, callback }: { waits: Waits; callback: WaitingCallback }): JSX.Element {
  const again = callback.again_at;
  return (
    <span class="small wait-promised" data-testid="wait-callback">
      <span class="tag">{t("event_type.callback")}</span>
      {callback.calling && <span>{t("callback.calling")}</span>}
      {!callback.calling && again && isLater(waits) && <span>{t("callback.again", { at: formatTime(again) })}</span>}
      {callback.tries > 0 && <span class="muted">{plural("callback.tries", callback.tries)}</span>}
    </span>
  );
}

/** `place` null: has none until its time comes again. */
export function Waiting(props: { line: LineView; caller: Waits; place: number | null }): JSX.Element {
  const { line, caller, place } = props;
  const why = useSignal<Why | null>(null);
  const look = async (): Promise<void> => {
    why.value = why.value ? null : await read<Why>(`/api/waiting/${caller.id}/why`);
  };
  return (
    <li data-testid={caller.callback ? "waiting-callback" : "waiting-caller"} data-call-id={caller.id}>
      <span class="muted number">{place}</span>
      <span class="clip">
        {partyTitle(caller.party)} <span class="muted small number">{partyNumber(caller.party)}</span>
      </span>
      <Since at={caller.since} />
      {caller.callback && <Promised waits={caller} callback={caller.callback} />}
      {may("supervise") && (
        <span class="wait-tools">
          <button
            type="button"
            class="small"
            aria-expanded={why.value !== null}
            data-testid="wait-ask-why"
            onClick={() => void attempt(look)}
          >
            {t("wait.why")}
          </button>
          <Orders line={line} caller={caller} />
          {caller.points > 0 && <span class="tag">{t("wait.preferred")}</span>}
          {caller.agent && <span class="tag">{t("wait.for", { agent: nameOf(caller.agent) || caller.agent })}</span>}
        </span>
      )}
      {why.value && <Reasons why={why.value} />}
    </li>
  );
}
