// Five figures at the head of the desk: how the moment is, at a glance.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { secondsSince } from "../clock";
import { formatDuration, formatNumber, t } from "../i18n";
import { agents, calls, lines, missed } from "../live-store";
import { may } from "../session";

const waiting = computed(() => [...lines.value.values()].reduce((sum, line) => sum + line.count, 0));
const firstWaiting = computed(() =>
  [...lines.value.values()].flatMap((line) => line.waiting).reduce<string | null>((first, caller) => (first && first < caller.since ? first : caller.since), null),
);
const talking = computed(
  () => [...calls.value.values()].filter((call) => call.state === "talking" || call.state === "held").length,
);
const free = computed(() => [...agents.value.values()].filter((agent) => agent.status === "free").length);
const reachable = computed(() => [...agents.value.values()].filter((agent) => agent.status !== "offline").length);
const unworked = computed(
  () => [...missed.value.values()].filter((entry) => entry.follow_up?.state !== "closed").length,
);

function LongestWait(): JSX.Element {
  const seconds = firstWaiting.value ? secondsSince(firstWaiting.value) : null;
  return (
    <dd class={seconds !== null && seconds > 30 ? "alarm" : ""} data-testid="figure-longest">
      {seconds === null ? "–" : formatDuration(seconds)}
    </dd>
  );
}

/** Who sees only the own status gets the figures of the lines alone. */
export function Figures(): JSX.Element {
  const everybody = may("supervise");
  return (
    <dl class="card figures" data-testid="figures">
      {everybody && (
        <div class="figure">
          <dt>{t("figure.talking")}</dt>
          <dd data-testid="figure-talking">{formatNumber(talking.value)}</dd>
        </div>
      )}
      <div class="figure">
        <dt>{t("figure.waiting")}</dt>
        <dd class={waiting.value > 0 ? "notice" : ""} data-testid="figure-waiting">
          {formatNumber(waiting.value)}
        </dd>
      </div>
      <div class="figure">
        <dt>{t("figure.longest")}</dt>
        <LongestWait />
      </div>
      {everybody && (
        <div class="figure">
          <dt>{t("figure.free")}</dt>
          <dd data-testid="figure-free">
            {t("figure.of", { part: formatNumber(free.value), all: formatNumber(reachable.value) })}
          </dd>
        </div>
      )}
      <div class="figure">
        <dt>{t("figure.missed")}</dt>
        <dd class={unworked.value > 0 ? "notice" : ""} data-testid="figure-missed">
          {formatNumber(unworked.value)}
        </dd>
      </div>
    </dl>
  );
}
