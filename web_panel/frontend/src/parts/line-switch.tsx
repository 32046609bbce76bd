// A supervisor closes and opens a line, and has it tell its callers a prompt first.

import { signal } from "@preact/signals";
import type { JSX } from "preact";

import { read } from "../api";
import { switchLine } from "../commands";
import { t } from "../i18n";
import { attempt } from "../toasts";
import type { LineView } from "../wire";

const prompts = signal<readonly string[]>([]);

async function look(): Promise<void> {
  const found = await read<{ name: string }[]>("/api/prompts");
  prompts.value = [...new Set(found.map((prompt) => prompt.name))];
}

export function LineSwitch({ line }: { line: LineView }): JSX.Element {
  const names = new Set(prompts.value);
  if (line.message) names.add(line.message);
  return (
    <div class="line-switch">
      <button
        type="button"
        class="small"
        data-testid="line-open"
        aria-pressed={!line.is_open}
        onClick={() => void attempt(() => switchLine(line.number, { is_open: !line.is_open }))}
      >
        {t(line.is_open ? "line.close" : "line.open")}
      </button>
      <select
        aria-label={t("line.message")}
        data-testid="line-message"
        value={line.message}
        onFocus={() => void attempt(look)}
        onChange={(event) => {
          const message = event.currentTarget.value;
          event.currentTarget.value = line.message;
          void attempt(() => switchLine(line.number, { message }));
        }}
      >
        <option value="">{t("line.no_message")}</option>
        {[...names].map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
