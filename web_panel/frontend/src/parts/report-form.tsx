// The period of a report, what it is narrowed to, and its table for a spreadsheet.

import { batch, type Signal } from "@preact/signals";
import type { JSX } from "preact";

import { formatNumber, t, type TextKey } from "../i18n";
import { lines } from "../live-store";
import {
  byAnswer,
  dayBack,
  interval,
  INTERVALS,
  isRefused,
  kind,
  line,
  load,
  loading,
  short,
  since,
  tableAddress,
  threshold,
  until,
} from "../reports";
import { Icon } from "./icon";

/** A period, in days back from today, both included. */
const PERIODS: readonly [TextKey, number, number][] = [
  ["report.today", 0, 0],
  ["report.yesterday", 1, 1],
  ["report.week", 6, 0],
  ["report.month", 29, 0],
];
const SPANS: Record<(typeof INTERVALS)[number], TextKey> = {
  15: "report.quarter",
  30: "report.half_hour",
  60: "report.hour",
  1440: "report.day",
};

function Periods(): JSX.Element {
  return (
    <div class="segmented" role="group" aria-label={t("report.period")}>
      {PERIODS.map(([title, from, to]) => (
        <button
          key={title}
          type="button"
          data-testid={title.replace(".", "-")}
          aria-pressed={since.value === dayBack(from) && until.value === dayBack(to)}
          onClick={() =>
            batch(() => {
              since.value = dayBack(from);
              until.value = dayBack(to);
            })
          }
        >
          {t(title)}
        </button>
      ))}
    </div>
  );
}

function Day({ name, label, value }: { name: string; label: TextKey; value: Signal<string> }): JSX.Element {
  return (
    <label class="row">
      <span class="muted">{t(label)}</span>
      <input
        class="input"
        type="date"
        required
        aria-invalid={isRefused(name)}
        data-testid={`report-${name}`}
        value={value.value}
        onChange={(event) => {
          const day = event.currentTarget.value;
          if (day) value.value = day;
          else event.currentTarget.value = value.value;
        }}
      />
    </label>
  );
}

function Seconds({ name, label, value }: { name: string; label: TextKey; value: Signal<string> }): JSX.Element {
  return (
    <label class="row">
      <span class="muted">{t(label)}</span>
      <input
        class="input seconds"
        type="number"
        min={0}
        max={3600}
        aria-invalid={isRefused(name)}
        data-testid={`report-${name}`}
        value={value.value}
        onChange={(event) => (value.value = event.currentTarget.value)}
      />
    </label>
  );
}

function Line(): JSX.Element {
  const sorted = [...lines.value.values()].sort((one, other) => one.number.localeCompare(other.number));
  return (
    <label class="row">
      <span class="muted">{t("report.line")}</span>
      <select
        class="input"
        data-testid="report-line"
        value={line.value}
        onChange={(event) => (line.value = event.currentTarget.value)}
      >
        <option value="">{t("report.all_lines")}</option>
        {sorted.map((one) => (
          <option key={one.number} value={one.number}>
            {one.number} {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}

function OfLines(): JSX.Element {
  return (
    <>
      <label class="row">
        <span class="muted">{t("report.interval")}</span>
        <select
          class="input"
          data-testid="report-interval"
          value={interval.value}
          onChange={(event) => (interval.value = Number(event.currentTarget.value))}
        >
          <option value={0}>{t("report.whole_period")}</option>
          {INTERVALS.map((minutes) => (
            <option key={minutes} value={minutes}>
              {t(SPANS[minutes], { minutes: formatNumber(minutes) })}
            </option>
          ))}
        </select>
      </label>
      <label class="row">
        <span class="muted">{t("report.by")}</span>
        <select
          class="input"
          data-testid="report-by"
          value={byAnswer.value ? "answer" : "arrival"}
          onChange={(event) => (byAnswer.value = event.currentTarget.value === "answer")}
        >
          <option value="arrival">{t("report.by_arrival")}</option>
          <option value="answer">{t("report.by_answer")}</option>
        </select>
      </label>
      <Seconds name="threshold" label="report.threshold" value={threshold} />
      <Seconds name="short" label="report.short" value={short} />
    </>
  );
}

export function ReportForm(): JSX.Element {
  return (
    <div class="filters">
      <Periods />
      <Day name="since" label="journal.since" value={since} />
      <Day name="until" label="journal.until" value={until} />
      {kind.value !== "agents" && <Line />}
      {kind.value === "lines" && <OfLines />}
      <span class="row report-tools">
        <button
          class="button compact"
          type="button"
          disabled={loading.value}
          data-testid="report-again"
          onClick={() => void load()}
        >
          {t("ladder.refresh")}
        </button>
        <a
          class="button compact"
          href={tableAddress.value}
          download={`${kind.value}-${since.value}-${until.value}.csv`}
          data-testid="report-csv"
        >
          <Icon name="download" />
          {t("report.csv")}
        </a>
      </span>
    </div>
  );
}
