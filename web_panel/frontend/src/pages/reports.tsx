// Figures of a period: waiting lines, agents, missed contacts, and the calls behind each figure.

import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { t, type TextKey } from "../i18n";
import { AgentTable } from "../parts/report-agents";
import { CallsBehind } from "../parts/report-calls";
import { ReportForm } from "../parts/report-form";
import { LineTable } from "../parts/report-lines";
import { MissedTable } from "../parts/report-missed";
import { Problem } from "../parts/field";
import { address, dayBack, failure, figure, found, kind, load, loading, since, until, type Kind } from "../reports";
import { lookAtStatuses } from "../user-statuses";

import "../styles/journal.css";
import "../styles/reports.css";

const KINDS: readonly [Kind, TextKey][] = [
  ["lines", "report.lines"],
  ["agents", "report.agents"],
  ["missed", "report.missed"],
];

function Kinds(): JSX.Element {
  return (
    <div class="segmented" role="group" aria-label={t("report.kinds")}>
      {KINDS.map(([one, title]) => (
        <button
          key={one}
          type="button"
          aria-pressed={kind.value === one}
          data-testid={`report-${one}`}
          onClick={() => (kind.value = one)}
        >
          {t(title)}
        </button>
      ))}
    </div>
  );
}

function Table(): JSX.Element | null {
  const { lines, agents, missed } = found.value;
  const rows = found.value[kind.value];
  if (rows === undefined) return loading.value ? <p class="empty">{t("loading")}</p> : null;
  if (rows.length === 0) {
    return (
      <p class="empty" data-testid="report-empty">
        {t("report.none")}
      </p>
    );
  }
  return (
    <div class="table-wrap" tabIndex={0} role="region" aria-label={t("page.reports")}>
      {lines && <LineTable rows={lines} />}
      {agents && <AgentTable rows={agents} />}
      {missed && <MissedTable rows={missed} />}
    </div>
  );
}

export default function Reports(): JSX.Element {
  useEffect(() => {
    document.title = `${t("page.reports")} – Dzvin`;
  }, []);
  useEffect(() => {
    if (!since.value) since.value = until.value = dayBack(0);
    void lookAtStatuses().catch(() => undefined); // a pause is then named by what it is, a pause
  }, []);
  useSignalEffect(() => {
    if (address.value && since.value && until.value) void load();
  });
  return (
    <>
      <div class="page-head">
        <h1>{t("page.reports")}</h1>
        <Kinds />
      </div>
      <section class="card" aria-label={t("page.reports")} aria-busy={loading.value}>
        <ReportForm />
        {failure.value !== null && (
          <div class="report-problem">
            <Problem failure={failure.value} testid="report-problem" />
          </div>
        )}
        {failure.value === null && <Table />}
      </section>
      {figure.value && <CallsBehind asked={figure.value} />}
    </>
  );
}
