// The hall board: the number that is called now, the last ones before it, the clock. Numbers and windows only.

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import bell from "../bell.svg";
import { allowSound, chime, soundAllowed, tryQuietly } from "../chime";
import { now } from "../clock";
import { formatDay, formatTime, t } from "../i18n";
import { LiveSocket } from "../live-socket";
import { Icon } from "../parts/icon";
import { company } from "../session";
import type { BoardLineView } from "../wire";

import "../styles/board.css";

const SHOWN = 5;
const FRESH = 30_000; // milliseconds that a called number draws attention to itself

const lines = signal<readonly BoardLineView[]>([]);
const lost = signal(false);
const shown = computed(() => lines.value.slice(0, SHOWN));

/** Called since the last message: these chime. A number called again chimes again. */
function isNew(line: BoardLineView): boolean {
  return !lines.value.some((other) => other.number === line.number && other.called_at === line.called_at);
}

function follow(): () => void {
  const socket = new LiveSocket("/api/public/board/live", {
    snapshot: (message) => {
      lines.value = message.board;
    },
    change: (message) => {
      if (message.type !== "board.changed") return;
      const ring = message.board.some(isNew);
      lines.value = message.board;
      if (ring) chime();
    },
  });
  const stop = socket.link.subscribe((link) => {
    lost.value = link === "lost";
  });
  return () => {
    stop();
    socket.stop();
  };
}

function Line({ line, current }: { line: BoardLineView; current: boolean }): JSX.Element {
  const fresh = now.value - new Date(line.called_at).getTime() < FRESH;
  const kind = current ? (fresh ? "board-line current fresh" : "board-line current") : "board-line";
  return (
    <li class={kind} data-testid="board-line" data-number={line.number}>
      <span>{line.number}</span>
      <span class="to" aria-hidden="true">
        →
      </span>
      <span class="window">{line.window}</span>
    </li>
  );
}

export default function Board(): JSX.Element {
  useEffect(follow, []);
  useEffect(() => {
    document.title = t("page.board");
    void tryQuietly();
  }, []);
  return (
    <div class="board" data-testid="board">
      <header class="board-head">
        <img src={bell} alt="" />
        <span class="clip">{company.value}</span>
        <time class="clock" data-testid="board-clock">
          {formatTime(new Date(now.value))}
        </time>
      </header>
      {shown.value.length === 0 ? (
        <div class="board-empty">{t("board.empty")}</div>
      ) : (
        <div>
          <div class="board-titles">
            <span>{t("board.number")}</span>
            <span>{t("board.window")}</span>
          </div>
          <ol class="board-lines" aria-live="polite">
            {shown.value.map((line, position) => (
              <Line key={`${line.number} ${line.called_at}`} line={line} current={position === 0} />
            ))}
          </ol>
        </div>
      )}
      <footer class="board-foot">
        <span>{formatDay(new Date(now.value))}</span>
        {lost.value && (
          <span class="alarm" role="alert" data-testid="connection-lost">
            {t("connection.lost")}
          </span>
        )}
        <span class="row">
          {!soundAllowed.value && (
            <button class="button" type="button" onClick={() => void allowSound()}>
              <Icon name="sound" />
              {t("board.sound_on")}
            </button>
          )}
          {!document.fullscreenElement && (
            <button
              class="button"
              type="button"
              aria-label={t("board.full_screen")}
              title={t("board.full_screen")}
              onClick={() => void document.documentElement.requestFullscreen()}
            >
              <Icon name="screen" />
            </button>
          )}
        </span>
      </footer>
    </div>
  );
}
