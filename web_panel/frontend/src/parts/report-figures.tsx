// How a report writes a number. A count is a way to the calls that it counts.

import type { JSX } from "preact";

import { formatDuration, formatNumber, formatShare, t } from "../i18n";
import { lines } from "../live-store";
import { figure, type Figure } from "../reports";

export function lineName(number: string | null): string {
  if (number === null) return t("report.no_line");
  return lines.value.get(number)?.name ?? number;
}

export function Duration({ seconds }: { seconds: number | null }): JSX.Element {
  return seconds === null ? <span class="muted">–</span> : <>{formatDuration(Math.round(seconds))}</>;
}

export function Share({ share }: { share: number | null }): JSX.Element {
  return share === null ? <span class="muted">–</span> : <>{formatShare(share)}</>;
}

/** `name`: what is counted, as the head of its column says it. */
export function Count({ value, name, asked }: { value: number; name: string; asked: Figure }): JSX.Element {
  if (value === 0) return <span class="muted">0</span>;
  const chosen = figure.value;
  const isChosen =
    chosen !== null &&
    chosen.count === asked.count &&
    chosen.of === asked.of &&
    chosen.within?.since === asked.within?.since;
  return (
    <button
      type="button"
      class="which"
      aria-pressed={isChosen}
      aria-label={t("report.which_of", { name, of: asked.of, count: formatNumber(value) })}
      title={t("report.which")}
      data-testid={`which-${asked.count}`}
      onClick={() => (figure.value = isChosen ? null : asked)}
    >
      {formatNumber(value)}
    </button>
  );
}
