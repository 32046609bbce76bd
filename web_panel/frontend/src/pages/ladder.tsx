// The signalling of one call as a ladder, and whether the core would do the same again. What stands in messages comes
// from whoever sent them: it is only ever shown as text.

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read, Refused } from "../api";
import { formatDateTime, formatNumber, t } from "../i18n";
import { latest } from "../latest";
import { Icon } from "../parts/icon";
import { path } from "../router";
import { attempt } from "../toasts";

import "../styles/ladder.css";

interface Side {
  leg_id: string;
  name: string;
  address: string;
  outbound: boolean;
}

interface Row {
  at: number;
  side: number;
  inward: boolean;
  title: string;
  text: string;
  again: boolean;
  failed: boolean;
  missing: number;
}

interface Difference {
  row: number | null;
  what: string;
  noted: string;
  replayed: string;
}

interface CallLadder {
  call_id: string;
  started_at: string;
  live: boolean;
  sides: Side[];
  rows: Row[];
  verdict: { same: boolean; checked: number; unchecked: number; missing: number; difference: Difference | null };
}

const TIME = 84; // pixels for the time at the left
const LANE = 250; // from one line to the next
const HEAD = 58;
const ROW = 38;
const LONGEST = 34; // characters of a title above its arrow
const US = "Dzvin";

const ladder = signal<CallLadder | "none" | null>(null);

/** /calls/<id> */
function chosenCall(): string | null {
  return /^\/calls\/([0-9a-f-]{36})$/.exec(path.value)?.[1] ?? null;
}

const newest = latest();

async function load(call: string): Promise<void> {
  await attempt(() => newest(traceOf(call), (answer) => (ladder.value = answer)));
}

async function traceOf(call: string): Promise<CallLadder | "none"> {
  try {
    return await read<CallLadder>(`/api/calls/${call}/trace`);
  } catch (failure) {
    if (!(failure instanceof Refused) || failure.status !== 404) throw failure;
    return "none";
  }
}

function shortened(title: string): string {
  return title.length > LONGEST ? `${title.slice(0, LONGEST - 1)}…` : title;
}

/** Callers stand to the left of us, whom we called to the right; each side's place is its line. */
function lines(sides: readonly Side[]): { of: number[]; us: number; count: number } {
  const callers = sides.filter((side) => !side.outbound).length;
  let left = 0;
  let right = callers + 1;
  return { of: sides.map((side) => (side.outbound ? right++ : left++)), us: callers, count: sides.length + 1 };
}

const x = (line: number): number => TIME + LANE / 2 + line * LANE;
const seconds = (at: number): string => at.toFixed(3);

function remarks(row: Row): string {
  const words = [row.again && t("ladder.again"), row.failed && t("ladder.not_sent")].filter(Boolean);
  return words.length > 0 ? ` (${words.join(", ")})` : "";
}

function Head({ name, second, line }: { name: string; second: string; line: number }): JSX.Element {
  return (
    <g>
      <text class="lane-name" x={x(line)} y={22}>
        {shortened(name)}
      </text>
      <text class="lane-address" x={x(line)} y={40}>
        {shortened(second)}
      </text>
    </g>
  );
}

interface ArrowProps {
  row: Row;
  from: { name: string; line: number };
  to: { name: string; line: number };
  y: number;
  chosen: boolean;
  differs: boolean;
  choose: () => void;
}

function Arrow({ row, from, to, y, chosen, differs, choose }: ArrowProps): JSX.Element {
  const way = to.line > from.line ? 1 : -1;
  const tip = x(to.line) - 3 * way;
  const label = `${seconds(row.at)}, ${from.name} → ${to.name}: ${row.title}${remarks(row)}`;
  const classes = ["message", chosen && "chosen", differs && "differs", row.again && "again", row.failed && "failed"];
  return (
    <g
      class={classes.filter(Boolean).join(" ")}
      role="button"
      tabindex={0}
      aria-label={label}
      aria-pressed={chosen}
      data-testid="message"
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      }}
    >
      <rect class="hit" x={4} y={y - ROW + 9} width={Math.max(x(from.line), x(to.line)) + 20} height={ROW} rx={6} />
      <text class="time" x={TIME - 14} y={y}>
        {seconds(row.at)}
      </text>
      <line x1={x(from.line)} y1={y} x2={tip - 8 * way} y2={y} />
      <path d={`M${tip} ${y}l${-10 * way} -5v10z`} />
      <text class="title" x={(x(from.line) + x(to.line)) / 2} y={y - 6}>
        {shortened(row.title) + remarks(row)}
      </text>
    </g>
  );
}

function Drawing({ shown, chosen, choose }: { shown: CallLadder; chosen: number | null; choose: (row: number) => void }): JSX.Element {
  const place = lines(shown.sides);
  const gaps = shown.rows.filter((row) => row.missing > 0).length;
  const height = HEAD + (shown.rows.length + gaps) * ROW + 20;
  const width = TIME + place.count * LANE;
  let y = HEAD + 8;
  return (
    <svg class="ladder" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label={t("ladder.title")}>
      {Array.from({ length: place.count }, (_, line) => (
        <line key={line} class="lane" x1={x(line)} y1={HEAD - 8} x2={x(line)} y2={height - 6} />
      ))}
      <Head name={US} second="" line={place.us} />
      {shown.sides.map((side, at) => (
        <Head key={side.leg_id} name={side.name} second={side.address} line={place.of[at] ?? 0} />
      ))}
      {shown.rows.map((row, at) => {
        const far = { name: shown.sides[row.side]?.name ?? "", line: place.of[row.side] ?? 0 };
        const us = { name: US, line: place.us };
        const gap = row.missing > 0 && (
          <text class="gap" x={TIME} y={(y += ROW)}>
            {t("ladder.missing", { count: formatNumber(row.missing) })}
          </text>
        );
        return (
          <g key={at}>
            {gap}
            <Arrow
              row={row}
              from={row.inward ? far : us}
              to={row.inward ? us : far}
              y={(y += ROW)}
              chosen={chosen === at}
              differs={shown.verdict.difference?.row === at}
              choose={() => choose(at)}
            />
          </g>
        );
      })}
    </svg>
  );
}

function Verdict({ verdict }: { verdict: CallLadder["verdict"] }): JSX.Element {
  const found = verdict.difference;
  return (
    <div class={found ? "verdict differs" : "verdict"} role="status" data-testid="verdict" data-same={verdict.same}>
      <p class="strong">
        {found ? t("ladder.differs") : t("ladder.same", { count: formatNumber(verdict.checked) })}
      </p>
      {found && (
        <dl>
          <dt>{t("ladder.where")}</dt>
          <dd>{found.what}</dd>
          <dt>{t("ladder.noted")}</dt>
          <dd class="hostile">{found.noted}</dd>
          <dt>{t("ladder.replayed")}</dt>
          <dd class="hostile">{found.replayed}</dd>
        </dl>
      )}
      {verdict.missing > 0 && (
        <p class="muted">{t("ladder.unchecked", { count: formatNumber(verdict.unchecked) })}</p>
      )}
    </div>
  );
}

function Shown({ shown, call }: { shown: CallLadder; call: string }): JSX.Element {
  const chosen = useSignal<number | null>(null);
  const row = chosen.value === null ? undefined : shown.rows[chosen.value];
  return (
    <div class="ladder-page">
      <section class="card" aria-labelledby="ladder-title">
        <div class="card-head">
          <h1 id="ladder-title" class="grow">
            {t("ladder.title")}
          </h1>
          <span class="muted">{formatDateTime(shown.started_at)}</span>
          {shown.live && (
            <button class="button quiet compact" type="button" data-testid="refresh" onClick={() => void load(call)}>
              {t("ladder.refresh")}
            </button>
          )}
        </div>
        {shown.live && <p class="note muted">{t("ladder.live")}</p>}
        <Verdict verdict={shown.verdict} />
        <div class="ladder-scroll">
          <Drawing shown={shown} chosen={chosen.value} choose={(at) => (chosen.value = chosen.value === at ? null : at)} />
        </div>
      </section>
      <aside class="card message-card" aria-label={t("ladder.message")} aria-live="polite">
        <div class="card-head">
          <h2 class="grow">{row ? row.title : t("ladder.message")}</h2>
          {row && (
            <button
              class="icon-button"
              type="button"
              title={t("close")}
              aria-label={t("close")}
              onClick={() => (chosen.value = null)}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
        {row ? (
          <pre class="hostile" data-testid="message-text">
            {row.text}
          </pre>
        ) : (
          <p class="empty">{t("ladder.choose")}</p>
        )}
      </aside>
    </div>
  );
}

export default function Ladder(): JSX.Element {
  const call = chosenCall();
  useEffect(() => {
    ladder.value = null;
    if (call) void load(call);
  }, [call]);
  const shown = ladder.value;
  if (shown === null || call === null) return <p class="empty">{t("loading")}</p>;
  if (shown === "none") {
    return (
      <div class="card empty" data-testid="no-trace">
        <h1>{t("ladder.title")}</h1>
        <p>{t("ladder.none")}</p>
      </div>
    );
  }
  return <Shown key={call} shown={shown} call={call} />;
}
