// "Which calls?": what a figure of a report counts, each with the way to its event.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";

import { failureText } from "../api";
import { formatDateTime, formatDuration, plural, t, tOr, type TextKey } from "../i18n";
import { callsBehind, figure, MOST_CALLS, type Behind, type Figure, type Kind } from "../reports";
import { Icon } from "./icon";
import { lineName } from "./report-figures";
import { formatPhone, nameOf } from "./words";

function secondsBetween(from: string | null | undefined, to: string | null | undefined): string {
  return from && to ? formatDuration((new Date(to).getTime() - new Date(from).getTime()) / 1000) : "–";
}

function agentOf(one: Behind): string {
  return one.extension ? nameOf(one.extension) || one.extension : "";
}

/** How a follow-up was closed: by the call or the visit that made it good, or as somebody has written. */
function resultOf(one: Behind): string {
  if (!one.closed_at) return t("missed_count.open");
  if (one.result === "answered") return t("report.result_answered");
  return one.result === "visited" ? t("report.result_visited") : (one.result ?? "");
}

/** An offer without an end still rings; one that rang when the server died was interrupted. */
function endOf(one: Behind): string {
  if (!one.reason) return t("event.still_on");
  return one.reason === "interrupted" ? t("outcome.interrupted") : tOr("offer_end", one.reason, "outcome.failed");
}

type Column = readonly [TextKey, (one: Behind) => string];
const COLUMNS: Record<Kind, readonly Column[]> = {
  lines: [
    ["report.line", (one) => lineName(one.line ?? null)],
    ["report.waited", (one) => secondsBetween(one.joined_at, one.left_at)],
    ["report.ended", (one) => (one.reason ? tOr("line_end", one.reason, "field.unknown") : t("lines_count.waiting"))],
    ["report.agent", agentOf],
  ],
  agents: [
    ["report.lasted", (one) => secondsBetween(one.started_at, one.ended_at)],
    ["report.ended", endOf],
    ["report.agent", agentOf],
  ],
  missed: [
    ["report.line", (one) => lineName(one.line ?? null)],
    ["report.first_try", (one) => secondsBetween(one.opened_at, one.first_attempt_at)],
    ["report.closed_after", (one) => secondsBetween(one.opened_at, one.closed_at)],
    ["follow_up.result", resultOf],
  ],
};

function Row({ one, columns }: { one: Behind; columns: readonly Column[] }): JSX.Element {
  const at = one.joined_at ?? one.started_at ?? one.opened_at ?? "";
  const party = formatPhone(one.phone) || t("party.withheld");
  return (
    <tr data-testid="report-call">
      <td class="number">{formatDateTime(at)}</td>
      <td class="number">{one.event_id ? <a href={`/events/${one.event_id}`}>{party}</a> : party}</td>
      {columns.map(([title, says]) => (
        <td key={title} class="number">
          {says(one)}
        </td>
      ))}
    </tr>
  );
}

export function CallsBehind({ asked }: { asked: Figure }): JSX.Element {
  const calls = useSignal<Behind[] | null>(null);
  const more = useSignal(false);
  const problem = useSignal<unknown>(null);
  const head = useRef<HTMLHeadingElement>(null);
  useSignalEffect(() => {
    const chosen = figure.value;
    if (chosen === null) return;
    calls.value = problem.value = null;
    callsBehind(chosen).then(
      (answer) => {
        if (figure.peek() !== chosen) return;
        calls.value = answer.calls;
        more.value = answer.more;
      },
      (refused: unknown) => (problem.value = refused),
    );
  });
  useEffect(() => {
    head.current?.focus();
    head.current?.scrollIntoView({ block: "nearest" });
  }, [asked]);
  const columns = COLUMNS[asked.kind];
  const name = tOr(`${asked.kind}_count`, asked.count, "field.unknown");
  return (
    <section class="card report-calls" aria-label={t("report.which")} data-testid="report-calls">
      <div class="card-head">
        <h2 class="grow" tabIndex={-1} ref={head}>
          {asked.of}: {name}
          {calls.value && <span class="muted"> · {plural("report.found", calls.value.length)}</span>}
        </h2>
        <button
          type="button"
          class="icon-button"
          aria-label={t("close")}
          title={t("close")}
          onClick={() => (figure.value = null)}
        >
          <Icon name="close" />
        </button>
      </div>
      {problem.value !== null && <p class="problem">{failureText(problem.value)}</p>}
      {calls.value === null && problem.value === null && <p class="empty">{t("loading")}</p>}
      {calls.value && (
        <div class="table-wrap">
          <table class="register">
            <thead>
              <tr>
                <th>{t("field.started")}</th>
                <th>{t("field.phone")}</th>
                {columns.map(([title]) => (
                  <th key={title}>{t(title)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {calls.value.map((one, place) => (
                <Row key={place} one={one} columns={columns} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {calls.value && more.value && <p class="empty">{t("report.more", { count: MOST_CALLS })}</p>}
    </section>
  );
}
