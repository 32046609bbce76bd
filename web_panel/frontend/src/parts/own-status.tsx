// My switch: ready or paused, the menu for the rest, and how I call for help.

import type { JSX } from "preact";

import { declare, endWrapUp, lowerHand, raiseHand } from "../commands";
import { t } from "../i18n";
import { myAgent } from "../live-store";
import { attempt } from "../toasts";
import { WillMenu, WrapUpLeft } from "./will-menu";

export function OwnStatus(): JSX.Element {
  const agent = myAgent.value;
  const will = agent?.will ?? "ready";
  return (
    <div class="row" role="group" aria-label={t("own_status")}>
      <div class="segmented">
        <button
          type="button"
          aria-pressed={will === "ready"}
          data-testid="ready"
          onClick={() => void attempt(() => declare("ready"))}
        >
          {t("will.ready")}
        </button>
        <button
          type="button"
          class="is-paused"
          aria-pressed={will === "paused"}
          data-testid="paused"
          onClick={() => void attempt(() => declare("paused", "break"))}
        >
          {t("will.paused")}
        </button>
      </div>
      {agent && <WillMenu agent={agent} who="me" label={t("own_status")} />}
      {agent?.status === "wrap_up" && (
        <button
          type="button"
          class="bar-select is-wrapping"
          title={t("agents.end_wrap_up")}
          data-testid="end-wrap-up"
          onClick={() => void attempt(() => endWrapUp())}
        >
          {t("wrap_up.end")} <WrapUpLeft agent={agent} />
        </button>
      )}
      <button
        type="button"
        class="bar-select"
        aria-pressed={agent?.hand != null}
        data-testid="raise-hand"
        onClick={() => void attempt(() => (agent?.hand ? lowerHand() : raiseHand()))}
      >
        {t(agent?.hand ? "hand.lower" : "hand.raise")}
      </button>
    </div>
  );
}
