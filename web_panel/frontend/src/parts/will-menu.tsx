// What somebody is set to: ready, on demand, paused for one of the reasons, signed out. For a supervisor about an agent.

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { secondsSince } from "../clock";
import { chooseStatus, declare, endWrapUp, prolongWrapUp } from "../commands";
import { formatDuration, t, tOr } from "../i18n";
import { attempt } from "../toasts";
import { lookAtStatuses, nameIn, statusOf, userStatuses } from "../user-statuses";
import type { AgentView, Will } from "../wire";

export const PAUSE_REASONS = ["break", "lunch", "training", "paperwork"] as const;

const NAMED: readonly string[] = [...PAUSE_REASONS, "auto"]; // "auto": the engine's, who did not take several calls

export function reasonText(reason: string): string {
  return NAMED.includes(reason) ? tOr("reason", reason, "reason.break") : reason;
}

/** A reason of a pause, or the user status that was chosen for one; as far as its name has been looked up. */
export function pauseName(key: string): string {
  const own = userStatuses.value.find((status) => status.key === key);
  return own ? nameIn(own.name) : reasonText(key) || t("will.paused");
}

const PLAIN: readonly Will[] = ["ready", "on_demand", "signed_out"];
const END_WRAP_UP = "end-wrap-up";
const PROLONG_WRAP_UP = "prolong-wrap-up";
const FIVE_MINUTES = 300;
const STATUS = "status";

/** What stands chosen: a user status, else the will, else why paused. */
function chosenOf(agent: AgentView): string {
  if (agent.status_name) return `${STATUS}:${agent.reason}`;
  return agent.will === "paused" ? `paused:${agent.reason}` : agent.will;
}

function UserStatuses({ agent }: { agent: AgentView }): JSX.Element {
  const listed = new Map(userStatuses.value.map((status) => [status.key, nameIn(status.name)]));
  if (agent.status_name) listed.set(agent.reason, statusOf(agent));
  return (
    <optgroup label={t("own_statuses")}>
      {[...listed].map(([key, name]) => (
        <option key={key} value={`${STATUS}:${key}`}>
          {name}
        </option>
      ))}
    </optgroup>
  );
}

/** Counts down to the end of the wrap-up. */
export function WrapUpLeft({ agent }: { agent: AgentView }): JSX.Element | null {
  if (agent.wrap_up_until === null) return null;
  return (
    <span class="timer" title={t("wrap_up.left")} data-testid="wrap-up-left">
      −{formatDuration(-secondsSince(agent.wrap_up_until))}
    </span>
  );
}

export function WillMenu({ agent, who, label }: { agent: AgentView; who: string; label: string }): JSX.Element {
  const chosen = chosenOf(agent);
  const reasons = new Set<string>(PAUSE_REASONS);
  if (agent.will === "paused" && !agent.status_name) reasons.add(agent.reason);
  useEffect(() => {
    if (agent.uses_statuses) void attempt(lookAtStatuses);
  }, [agent.uses_statuses]);
  return (
    <select
      class="will-menu"
      aria-label={label}
      data-testid="will-menu"
      value={chosen}
      onChange={(event) => {
        const word = event.currentTarget.value;
        if (word === END_WRAP_UP || word === PROLONG_WRAP_UP) {
          event.currentTarget.value = chosen;
          void attempt(() => (word === END_WRAP_UP ? endWrapUp(who) : prolongWrapUp(FIVE_MINUTES)));
          return;
        }
        const [will, reason = ""] = event.currentTarget.value.split(/:(.*)/s);
        if (will === STATUS) {
          void attempt(() => chooseStatus(reason, who));
          return;
        }
        void attempt(() => declare(will as Will, reason, who));
      }}
    >
      {PLAIN.map((will) => (
        <option key={will} value={will}>
          {t(`will.${will}`)}
        </option>
      ))}
      {[...reasons].map((reason) => (
        <option key={reason} value={`paused:${reason}`}>
          {[t("will.paused"), reasonText(reason)].filter(Boolean).join(": ")}
        </option>
      ))}
      {(agent.uses_statuses || agent.status_name) && <UserStatuses agent={agent} />}
      {agent.wrap_up_until && <option value={END_WRAP_UP}>{t("agents.end_wrap_up")}</option>}
      {agent.wrap_up_until && who === "me" && (
        <option value={PROLONG_WRAP_UP}>{t("agents.prolong_wrap_up")}</option>
      )}
    </select>
  );
}
