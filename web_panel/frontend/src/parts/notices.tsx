// What went wrong with the machine while people talked: shown for an hour, or until it is put away.

import { computed, signal } from "@preact/signals";
import type { JSX } from "preact";

import { now } from "../clock";
import { formatTime, t } from "../i18n";
import { notices } from "../live-store";
import { Icon } from "./icon";

const STAYS = 3_600_000; // milliseconds

const dismissed = signal<ReadonlySet<string>>(new Set());

const shown = computed(() =>
  [...notices.value.values()].filter(
    (notice) => !dismissed.value.has(notice.id) && now.value - Date.parse(notice.at) < STAYS,
  ),
);

export function Notices(): JSX.Element {
  return (
    <div role="status" data-testid="notices">
      {shown.value.map((notice) => (
        <p key={notice.id} class="card went-wrong" data-testid="notice">
          <span class="grow">{t("notice.media_lost", { time: formatTime(notice.at), legs: notice.legs })}</span>
          <button
            class="icon-button"
            type="button"
            title={t("notice.dismiss")}
            aria-label={t("notice.dismiss")}
            data-testid="dismiss-notice"
            onClick={() => {
              dismissed.value = new Set([...dismissed.value, notice.id]);
            }}
          >
            <Icon name="close" />
          </button>
        </p>
      ))}
    </div>
  );
}
