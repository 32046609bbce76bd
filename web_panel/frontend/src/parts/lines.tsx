// The waiting lines: how many wait, how long the first has waited, how many people can take a call.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { secondsSince } from "../clock";
import { formatDuration, plural, t } from "../i18n";
import { lines } from "../live-store";
import { may } from "../session";
import type { LineView } from "../wire";
import { LineSwitch } from "./line-switch";
import { isLater, Waiting, waitOf, waitOfCallback, type Waits } from "./waiting-caller";

const LONG_WAIT = 30; // seconds after which the wait is shown as an alarm

const sorted = computed(() =>
  [...lines.value.values()].sort((one, other) => one.number.localeCompare(other.number)),
);

function LongestWait({ line }: { line: LineView }): JSX.Element {
  const first = line.waiting[0];
  const seconds = first ? secondsSince(first.since) : 0;
  return (
    <div class="measure">
      <div class="muted small">{t("line.longest_wait")}</div>
      <div class={seconds > LONG_WAIT ? "value alarm" : "value"} data-testid="longest-wait">
        {first ? formatDuration(seconds) : "–"}
      </div>
    </div>
  );
}

/** Callers and callbacks by the time of joining; who is called later only stands behind them. */
function inOrder(line: LineView): Waits[] {
  const all = [...line.waiting.map(waitOf), ...line.callbacks.map(waitOfCallback)];
  return all.sort(
    (one, other) => Number(isLater(one)) - Number(isLater(other)) || one.since.localeCompare(other.since),
  );
}

function LineCard({ line }: { line: LineView }): JSX.Element {
  const waits = inOrder(line);
  return (
    <section class="card" data-testid="line" data-line={line.number} aria-label={line.name}>
      <div class="line-head">
        <div class="grow">
          <h2 class="clip">
            {line.name}{" "}
            {!line.is_open && (
              <span class="tag" data-testid="line-closed">
                {t("line.closed")}
              </span>
            )}
          </h2>
          <div class="muted small clip">
            {line.number} · {t("line.free_agents", { free: line.free, all: line.agents.length })}
            {line.owed > 0 && <span data-testid="line-owed"> · {plural("line.owed", line.owed)}</span>}
          </div>
        </div>
        <div class="measure">
          <div class="muted small">{t("line.waiting")}</div>
          <div class="value" data-testid="waiting-count">
            {line.count}
          </div>
        </div>
        <LongestWait line={line} />
      </div>
      {may("supervise") && <LineSwitch line={line} />}
      {waits.length > 0 && (
        <ol class="waiting-callers">
          {waits.map((caller, position) => (
            <Waiting key={caller.id} line={line} caller={caller} place={isLater(caller) ? null : position + 1} />
          ))}
        </ol>
      )}
    </section>
  );
}

export function Lines(): JSX.Element | null {
  if (sorted.value.length === 0) return null;
  return (
    <div class="lines" data-testid="lines">
      {sorted.value.map((line) => (
        <LineCard key={line.number} line={line} />
      ))}
    </div>
  );
}
