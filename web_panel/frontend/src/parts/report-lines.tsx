// The report of waiting lines; each row opens to its six service levels and to why people left.

import { useSignal } from "@preact/signals";
import { Fragment, type JSX } from "preact";

import { formatSpan, t, tOr, type TextKey } from "../i18n";
import { interval, type Figure, type LineRow } from "../reports";
import { Icon } from "./icon";
import { Count, Duration, lineName, Share } from "./report-figures";

const COLUMNS = ["offered", "answered", "answered_in_time", "abandoned", "short_abandoned", "left_otherwise", "waiting"];
const MORE = ["abandoned_in_time", "callback", "callback_kept", "callback_broken", "repeated"];
const LEVELS: readonly [string, TextKey][] = [
  ["short_excluded", "report.level_short_excluded"],
  ["answered", "report.level_answered"],
  ["strict", "report.level_strict"],
  ["ignoring", "report.level_ignoring"],
  ["positive", "report.level_positive"],
  ["short_credited", "report.level_short_credited"],
];
const WIDTH = COLUMNS.length + 6;

function counted(row: LineRow, count: string): JSX.Element {
  const asked: Figure = {
    kind: "lines",
    count,
    of: lineName(row.line),
    narrowed: { line: row.line },
    within: interval.value ? { since: row.since, until: row.until } : null,
  };
  return <Count value={row.counts[count] ?? 0} name={tOr("lines_count", count, "field.unknown")} asked={asked} />;
}

function Levels({ row }: { row: LineRow }): JSX.Element {
  return (
    <div>
      <h3>{t("report.level")}</h3>
      <dl class="facts">
        {LEVELS.map(([name, formula]) => (
          <Fragment key={name}>
            <dt>{t(formula)}</dt>
            <dd class="number">
              <Share share={row.service_level[name] ?? null} />
            </dd>
          </Fragment>
        ))}
      </dl>
    </div>
  );
}

function Waits({ row }: { row: LineRow }): JSX.Element {
  const times: readonly [TextKey, number | null][] = [
    ["report.answer_mean", row.answer_mean],
    ["report.answer_median", row.answer_median],
    ["report.answer_most", row.answer_p90],
    ["report.answer_nearly_all", row.answer_p95],
    ["report.abandon_mean", row.abandon_mean],
  ];
  return (
    <div>
      <h3>{t("report.waits")}</h3>
      <dl class="facts">
        {times.map(([name, seconds]) => (
          <Fragment key={name}>
            <dt>{t(name)}</dt>
            <dd class="number">
              <Duration seconds={seconds} />
            </dd>
          </Fragment>
        ))}
        <dt>{t("report.abandonment_plain")}</dt>
        <dd class="number">
          <Share share={row.abandonment_plain} />
        </dd>
      </dl>
    </div>
  );
}

function Rest({ row }: { row: LineRow }): JSX.Element {
  const left = Object.entries(row.left).filter(([, times]) => times > 0);
  return (
    <div>
      <h3>{t("report.also")}</h3>
      <dl class="facts">
        {MORE.map((count) => (
          <Fragment key={count}>
            <dt>{tOr("lines_count", count, "field.unknown")}</dt>
            <dd class="number">{counted(row, count)}</dd>
          </Fragment>
        ))}
      </dl>
      {left.length > 0 && (
        <>
          <h3>{t("report.left")}</h3>
          <dl class="facts">
            {left.map(([reason, times]) => (
              <Fragment key={reason}>
                <dt>{tOr("line_end", reason, "field.unknown")}</dt>
                <dd class="number">{times}</dd>
              </Fragment>
            ))}
          </dl>
        </>
      )}
    </div>
  );
}

function Row({ row }: { row: LineRow }): JSX.Element {
  const open = useSignal(false);
  return (
    <>
      <tr data-testid="report-row" data-line={row.line}>
        <td class="name">
          <button
            type="button"
            class="open-row"
            aria-expanded={open.value}
            data-testid="report-more"
            onClick={() => (open.value = !open.value)}
          >
            <Icon name="right" />
            <span>
              {lineName(row.line)} <span class="muted small number">{row.line}</span>
            </span>
          </button>
        </td>
        {interval.value > 0 && <td class="number span">{formatSpan(row.since, row.until)}</td>}
        {COLUMNS.map((count) => (
          <td key={count} class="end number">
            {counted(row, count)}
          </td>
        ))}
        <td class="end number strong" data-testid="report-level">
          <Share share={row.service_level["short_excluded"] ?? null} />
        </td>
        <td class="end number">
          <Duration seconds={row.answer_mean} />
        </td>
        <td class="end number">
          <Duration seconds={row.longest_wait} />
        </td>
        <td class="end number">
          <Share share={row.abandonment} />
        </td>
      </tr>
      {open.value && (
        <tr class="opened">
          <td colSpan={WIDTH}>
            <div class="report-details" data-testid="report-details">
              <Levels row={row} />
              <Waits row={row} />
              <Rest row={row} />
            </div>
          </td>
        </tr>
      )}
    </>
  );
}

export function LineTable({ rows }: { rows: readonly LineRow[] }): JSX.Element {
  return (
    <table class="register report" data-testid="report-table">
      <thead>
        <tr>
          <th>{t("report.line")}</th>
          {interval.value > 0 && <th>{t("report.span")}</th>}
          {COLUMNS.map((count) => (
            <th key={count} class="end">
              {tOr("lines_count", count, "field.unknown")}
            </th>
          ))}
          <th class="end">{t("report.level")}</th>
          <th class="end">{t("report.answer_mean")}</th>
          <th class="end">{t("report.longest_wait")}</th>
          <th class="end">{t("report.abandonment")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={`${row.line} ${row.since}`} row={row} />
        ))}
      </tbody>
    </table>
  );
}
