// Who is here, what each is doing, since when.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { lowerHand } from "../commands";
import { plural, t } from "../i18n";
import { agents, calls } from "../live-store";
import { may } from "../session";
import { attempt } from "../toasts";
import type { AgentStatus, AgentView } from "../wire";
import { Icon } from "./icon";
import { statusOf } from "../user-statuses";
import { reasonText, WillMenu, WrapUpLeft } from "./will-menu";
import { nameOf, partyTitle, Since, StatusPill } from "./words";

const ORDER: readonly AgentStatus[] = ["offered", "calling", "busy", "wrap_up", "waiting", "free", "dnd", "paused", "away", "offline", "signed_out"];

const sorted = computed(() =>
  [...agents.value.values()].sort(
    (one, other) =>
      ORDER.indexOf(one.status) - ORDER.indexOf(other.status) ||
      (one.extension ?? "").localeCompare(other.extension ?? "") ||
      one.name.localeCompare(other.name),
  ),
);

/** With whom, at which window, or why paused. */
function about(agent: AgentView): string {
  if (agent.ticket) return t("agent.with_ticket", { number: agent.ticket });
  const call = calls.value.get(agent.calls[0] ?? "");
  if (!call) return statusOf(agent) || (agent.status === "paused" ? reasonText(agent.reason) : "");
  if (call.direction !== "internal") return partyTitle(call.party);
  const other = call.people.find((person) => person.extension !== agent.extension);
  return other ? other.name || other.extension : nameOf(call.dialled ?? "") || (call.dialled ?? "");
}

function AgentRow({ agent }: { agent: AgentView }): JSX.Element {
  const with_ = about(agent);
  return (
    <li class="agent" data-testid="agent" data-user-id={agent.user_id} data-extension={agent.extension} data-status={agent.status}>
      <span class="name strong clip">{agent.name}</span>
      <StatusPill status={agent.status} />
      <span class="second">
        {agent.extension && (
          <>
            <Icon name={agent.online ? "phone" : "phone-off"} />
            <span class="only-heard">{t(agent.online ? "phone.online" : "phone.offline")}</span>
            <span class="number" title={t(agent.online ? "phone.online" : "phone.offline")}>
              {agent.extension}
            </span>
          </>
        )}
        {agent.window && !agent.extension && <span>{t("window.short", { window: agent.window })}</span>}
        {agent.forwards.length > 0 && (
          <span class="tag" data-testid="forwarded">
            {t("my_phone.forwarded")}
          </span>
        )}
        {agent.hand && (
          <button
            type="button"
            class="tag"
            data-testid="hand"
            disabled={!may("supervise")}
            title={t("hand.lower")}
            onClick={() => void attempt(() => lowerHand(agent.user_id))}
          >
            {t("hand.raised")}
          </button>
        )}
        {with_ && <span class="clip">{with_}</span>}
      </span>
      {agent.status === "wrap_up" ? <WrapUpLeft agent={agent} /> : <Since at={agent.since} />}
      {may("supervise") && (
        <WillMenu agent={agent} who={agent.user_id} label={t("agents.set", { name: agent.name })} />
      )}
    </li>
  );
}

export function Agents(): JSX.Element {
  return (
    <section class="card" aria-labelledby="agents-title" data-testid="agents">
      <div class="card-head">
        <h2 id="agents-title" class="grow">
          {t(may("supervise") ? "agents.title" : "own_status")}
        </h2>
        {may("supervise") && <span class="count small">{plural("agents.count", sorted.value.length)}</span>}
      </div>
      {sorted.value.length === 0 && <p class="empty">{t("agents.none")}</p>}
      <ul class="entries">
        {sorted.value.map((agent) => (
          <AgentRow key={agent.user_id} agent={agent} />
        ))}
      </ul>
    </section>
  );
}
