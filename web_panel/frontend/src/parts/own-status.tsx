// My switch: ready or paused, with a reason. What telephony says of me stands beside it.

import type { JSX } from "preact";

import { declare } from "../commands";
import { t, tOr } from "../i18n";
import { myAgent } from "../live-store";
import { attempt } from "../toasts";

export const PAUSE_REASONS = ["break", "lunch", "training", "paperwork"] as const;

export function reasonText(reason: string): string {
  return (PAUSE_REASONS as readonly string[]).includes(reason) ? tOr("reason", reason, "reason.break") : reason;
}

export function OwnStatus(): JSX.Element {
  const agent = myAgent.value;
  const ready = agent?.ready ?? true;
  return (
    <div class="row" role="group" aria-label={t("own_status")}>
      <div class="segmented">
        <button
          type="button"
          aria-pressed={ready}
          data-testid="ready"
          onClick={() => void attempt(() => declare("ready"))}
        >
          {t("will.ready")}
        </button>
        <button
          type="button"
          class="is-paused"
          aria-pressed={!ready}
          data-testid="paused"
          onClick={() => void attempt(() => declare("paused", "break"))}
        >
          {t("will.paused")}
        </button>
      </div>
      {!ready && (
        <select
          class="bar-select"
          aria-label={t("pause_reason")}
          data-testid="pause-reason"
          value={agent?.reason ?? ""}
          onChange={(event) => {
            const reason = event.currentTarget.value;
            void attempt(() => declare("paused", reason));
          }}
        >
          {agent?.reason && !(PAUSE_REASONS as readonly string[]).includes(agent.reason) && (
            <option value={agent.reason}>{agent.reason}</option>
          )}
          {PAUSE_REASONS.map((reason) => (
            <option key={reason} value={reason}>
              {reasonText(reason)}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
