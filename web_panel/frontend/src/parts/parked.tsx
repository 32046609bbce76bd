// Who waits where any colleague may fetch them. The card is there only while somebody does.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { retrieve } from "../commands";
import { t } from "../i18n";
import { calls } from "../live-store";
import { may, me } from "../session";
import { attempt } from "../toasts";
import { Icon } from "./icon";
import { Party, Since } from "./words";

const parked = computed(() =>
  [...calls.value.values()]
    .filter((call) => call.state === "parked")
    .sort((one, other) => one.since.localeCompare(other.since)),
);

export function Parked(): JSX.Element | null {
  if (parked.value.length === 0) return null;
  return (
    <section class="card" aria-labelledby="parked-title" data-testid="parked">
      <div class="card-head">
        <h2 id="parked-title" class="grow">
          {t("parked.title")}
        </h2>
        <span class="count small">{parked.value.length}</span>
      </div>
      <ul class="entries">
        {parked.value.map((call) => (
          <li key={call.call_id} class="parked-call" data-testid="parked-call" data-call-id={call.call_id}>
            <span class="tag number" title={t("parked.number")}>
              {call.orbit}
            </span>
            <Party party={call.party} />
            <Since at={call.since} />
            {may("call") && me.value?.extension && (
              <button
                class="button primary compact"
                type="button"
                data-testid="retrieve"
                onClick={() => void attempt(() => retrieve(call.orbit ?? ""), t("call.phone_will_ring"))}
              >
                <Icon name="phone" />
                {t("parked.retrieve")}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
