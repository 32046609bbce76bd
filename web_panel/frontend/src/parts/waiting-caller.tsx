// Somebody who waits in a line. A supervisor also sees why, and moves, prefers, assigns or ends the wait.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { read } from "../api";
import { assign, moveTo, prefer, withdraw } from "../commands";
import { t } from "../i18n";
import { lines } from "../live-store";
import { may } from "../session";
import { attempt } from "../toasts";
import type { LineView, WaitingCaller } from "../wire";
import { nameOf, partyNumber, partyTitle, Since } from "./words";

const PREFERRED = 100; // points of priority

interface Why {
  kept_for: string | null;
  agents: Record<string, { key: string; text: string }>;
}

/** The value of an option says the command and its argument. */
function obey(callId: string, chosen: string): Promise<unknown> {
  const [command, argument = ""] = chosen.split(/:(.*)/s);
  switch (command) {
    case "move":
      return moveTo(callId, argument);
    case "agent":
      return assign(callId, argument);
    case "points":
      return prefer(callId, Number(argument));
    default:
      return withdraw(callId);
  }
}

function Orders({ line, caller }: { line: LineView; caller: WaitingCaller }): JSX.Element {
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
        void attempt(() => obey(caller.call_id, chosen));
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
      <option value="withdraw">{t("wait.withdraw")}</option>
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

export function Waiting({ line, caller, place }: { line: LineView; caller: WaitingCaller; place: number }): JSX.Element {
  const why = useSignal<Why | null>(null);
  const look = async (): Promise<void> => {
    why.value = why.value ? null : await read<Why>(`/api/waiting/${caller.call_id}/why`);
  };
  return (
    <li data-testid="waiting-caller" data-call-id={caller.call_id}>
      <span class="muted number">{place}</span>
      <span class="clip">
        {partyTitle(caller.party)} <span class="muted small number">{partyNumber(caller.party)}</span>
      </span>
      <Since at={caller.since} />
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
