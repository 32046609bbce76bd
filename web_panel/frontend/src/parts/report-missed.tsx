// The report of how soon those who were missed were called back.

import type { JSX } from "preact";

import { t, tOr } from "../i18n";
import type { Figure, MissedRow } from "../reports";
import { Count, Duration, lineName, Share } from "./report-figures";

const COLUMNS = ["opened", "tried", "made_good", "within_15_minutes", "within_60_minutes", "closed_otherwise", "open", "overdue"];

function Counted({ row, count }: { row: MissedRow; count: string }): JSX.Element {
  const name = tOr("missed_count", count, "field.unknown");
  const of = lineName(row.line);
  const narrowed: Record<string, string> = row.line === null ? {} : { line: row.line };
  const asked: Figure = { kind: "missed", count, of, narrowed, within: null };
  return <Count value={row.counts[count] ?? 0} name={name} asked={asked} />;
}

export function MissedTable({ rows }: { rows: readonly MissedRow[] }): JSX.Element {
  const share: Record<string, (row: MissedRow) => number | null> = {
    within_15_minutes: (row) => row.share_within_15_minutes,
    within_60_minutes: (row) => row.share_within_60_minutes,
  };
  return (
    <table class="register report" data-testid="report-table">
      <thead>
        <tr>
          <th>{t("report.line")}</th>
          {COLUMNS.map((count) => (
            <th key={count} class="end">
              {tOr("missed_count", count, "field.unknown")}
            </th>
          ))}
          <th class="end">{t("report.first_try")}</th>
          <th class="end">{t("report.made_good")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.line ?? ""} data-testid="report-row" data-line={row.line ?? ""}>
            <td class="name strong">
              {lineName(row.line)} {row.line && <span class="muted small number">{row.line}</span>}
            </td>
            {COLUMNS.map((count) => (
              <td key={count} class="end number">
                <Counted row={row} count={count} />
                {share[count] && (
                  <div class="muted small">
                    <Share share={share[count](row)} />
                  </div>
                )}
              </td>
            ))}
            <td class="end number">
              <Duration seconds={row.first_try_median} />
              <div class="muted small">
                {t("report.most")} <Duration seconds={row.first_try_p90} />
              </div>
            </td>
            <td class="end number">
              <Duration seconds={row.made_good_median} />
              <div class="muted small">
                {t("report.most")} <Duration seconds={row.made_good_p90} />
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
