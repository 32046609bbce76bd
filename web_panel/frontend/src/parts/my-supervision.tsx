// The call that I sit beside: listen, whisper, barge in, take over, leave.

import type { JSX } from "preact";

import { stopSupervising, supervise, takeOver } from "../commands";
import { t } from "../i18n";
import { calls, myAgent } from "../live-store";
import { attempt } from "../toasts";
import type { SupervisingView } from "../wire";
import { Icon, type IconName } from "./icon";
import { nameOf, partyTitle } from "./words";

const MODES: readonly { mode: SupervisingView["mode"]; icon: IconName }[] = [
  { mode: "listen", icon: "listen" },
  { mode: "whisper", icon: "whisper" },
  { mode: "barge", icon: "people" },
];

export function MySupervision(): JSX.Element | null {
  const mine = myAgent.value?.supervises;
  if (!mine) return null;
  const call = calls.value.get(mine.call_id);
  const agent = nameOf(mine.agent) || mine.agent;
  return (
    <section class="card my-call supervision" data-testid="supervision" data-mode={mine.mode}>
      <div class="grow">
        <div class="who clip">{agent}</div>
        <div class="muted">{call && partyTitle(call.party)}</div>
      </div>
      <div class="strong" aria-live="polite">
        {t(`supervision_hint.${mine.mode}`)}
      </div>
      <div class="actions" role="group" aria-label={t("supervision.actions")}>
        {MODES.map(({ mode, icon }) => (
          <button
            key={mode}
            class="button"
            type="button"
            aria-pressed={mode === mine.mode}
            data-testid={`supervise-${mode}`}
            onClick={() => void attempt(() => supervise(mine.call_id, mode))}
          >
            <Icon name={icon} />
            {t(`supervision_mode.${mode}`)}
          </button>
        ))}
        <button
          class="button"
          type="button"
          data-testid="take-over"
          onClick={() => void attempt(() => takeOver(mine.call_id), t("supervision.taken_over"))}
        >
          <Icon name="join" />
          {t("supervision.take_over")}
        </button>
        <button
          class="button danger"
          type="button"
          data-testid="stop-supervising"
          onClick={() => void attempt(() => stopSupervising(mine.call_id))}
        >
          <Icon name="hang-up" />
          {t("supervision.leave")}
        </button>
      </div>
    </section>
  );
}
