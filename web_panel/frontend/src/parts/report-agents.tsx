// The report of what each agent did.

import type { JSX } from "preact";

import { formatDuration, t, tOr, type TextKey } from "../i18n";
import type { AgentRow, Figure } from "../reports";
import { Count, Duration, Share } from "./report-figures";
import { pauseName } from "./will-menu";

const COLUMNS = ["offered", "not_taken", "handled", "from_lines", "made"];
const TIMES: readonly [TextKey, (row: AgentRow) => number | null][] = [
  ["report.talk", (row) => row.talk],
  ["report.hold", (row) => row.hold],
  ["report.wrap_up", (row) => row.wrap_up],
  ["report.handling_mean", (row) => row.handling_mean],
  ["report.signed_in", (row) => row.signed_in],
  ["report.busy", (row) => row.busy],
  ["report.idle", (row) => row.idle],
];

function counted(row: AgentRow, count: string): JSX.Element {
  const asked: Figure = { kind: "agents", count, of: row.name, narrowed: { agent: row.user_id }, within: null };
  return <Count value={row.counts[count] ?? 0} name={tOr("agents_count", count, "field.unknown")} asked={asked} />;
}

function Paused({ paused }: { paused: Record<string, number> }): JSX.Element {
  const reasons = Object.entries(paused).filter(([, seconds]) => seconds >= 1);
  if (reasons.length === 0) return <Duration seconds={0} />;
  return (
    <>
      <Duration seconds={reasons.reduce((sum, [, seconds]) => sum + seconds, 0)} />
      {reasons.map(([reason, seconds]) => (
        <div key={reason} class="muted small">
          {pauseName(reason)} {formatDuration(seconds)}
        </div>
      ))}
    </>
  );
}

export function AgentTable({ rows }: { rows: readonly AgentRow[] }): JSX.Element {
  return (
    <table class="register report" data-testid="report-table">
      <thead>
        <tr>
          <th>{t("report.agent")}</th>
          {COLUMNS.map((count) => (
            <th key={count} class="end">
              {tOr("agents_count", count, "field.unknown")}
            </th>
          ))}
          {TIMES.map(([title]) => (
            <th key={title} class="end">
              {t(title)}
            </th>
          ))}
          <th class="end">{t("will.paused")}</th>
          <th class="end">{t("report.pause_share")}</th>
          <th class="end">{t("report.occupancy")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.user_id} data-testid="report-row">
            <td class="name strong">{row.name}</td>
            {COLUMNS.map((count) => (
              <td key={count} class="end number">
                {counted(row, count)}
              </td>
            ))}
            {TIMES.map(([title, of]) => (
              <td key={title} class="end number">
                <Duration seconds={of(row)} />
              </td>
            ))}
            <td class="end number">
              <Paused paused={row.paused} />
            </td>
            <td class="end number">
              <Share share={row.pause_share} />
            </td>
            <td class="end number strong">
              <Share share={row.occupancy} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
