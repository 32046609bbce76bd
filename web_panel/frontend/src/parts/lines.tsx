// The waiting lines: how many wait, how long the first has waited, how many people can take a call.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { secondsSince } from "../clock";
import { formatDuration, t } from "../i18n";
import { lines } from "../live-store";
import type { LineView } from "../wire";
import { partyNumber, partyTitle, Since } from "./words";

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

function LineCard({ line }: { line: LineView }): JSX.Element {
  return (
    <section class="card" data-testid="line" data-line={line.number} aria-label={line.name}>
      <div class="line-head">
        <div class="grow">
          <h2 class="clip">{line.name}</h2>
          <div class="muted small clip">
            {line.number} · {t("line.free_agents", { free: line.free, all: line.agents.length })}
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
      {line.waiting.length > 0 && (
        <ol class="waiting-callers">
          {line.waiting.map((caller, position) => (
            <li key={caller.call_id} data-testid="waiting-caller" data-call-id={caller.call_id}>
              <span class="muted number">{position + 1}</span>
              <span class="clip">
                {partyTitle(caller.party)} <span class="muted small number">{partyNumber(caller.party)}</span>
              </span>
              <Since at={caller.since} />
            </li>
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
