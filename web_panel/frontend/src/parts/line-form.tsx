// The settings of a line that are changed most. Only what is here is sent: the others stay as they are.

import type { JSX } from "preact";

import { request } from "../api";
import { useSending } from "../form";
import { t, type TextKey } from "../i18n";
import { agents } from "../live-store";
import { say } from "../toasts";
import { Field, Problem } from "./field";
import { nameOf } from "./words";

export interface KeptLine {
  number: string;
  revision: number;
  is_open: boolean;
  settings: {
    name: string;
    agents: string[];
    strategy: string;
    ring_timeout: number | null;
    wrap_up: number;
    retry_after: number;
    max_wait: number;
    max_length: number;
    overflow: string;
    position: boolean;
    expected_wait: boolean;
  };
}

const STRATEGIES: readonly [string, TextKey][] = [
  ["longest_idle", "strategy.longest_idle"],
  ["ring_all", "strategy.ring_all"],
  ["round_robin", "strategy.round_robin"],
  ["fewest_calls", "strategy.fewest_calls"],
  ["least_talk_time", "strategy.least_talk_time"],
  ["random", "strategy.random"],
  ["weighted_random", "strategy.weighted_random"],
  ["top_down", "strategy.top_down"],
  ["progressive", "strategy.progressive"],
];
const NUMBERS: readonly [keyof KeptLine["settings"], TextKey, number, number][] = [
  ["ring_timeout", "field.ring_timeout", 1, 3600],
  ["retry_after", "field.retry_after", 0, 3600],
  ["wrap_up", "field.wrap_up", 0, 3600],
  ["max_wait", "field.max_wait", 1, 86400],
  ["max_length", "field.max_length", 0, 10000],
];
const TOLD = ["position", "expected_wait"] as const;

function Strategy({ line, failure }: { line: KeptLine; failure: unknown }): JSX.Element {
  const own = line.settings.strategy; // may be a function of the company's own
  const listed = STRATEGIES.some(([name]) => name === own);
  return (
    <Field
      name="strategy"
      label="field.strategy"
      failure={failure}
      input={(attributes) => (
        <select {...attributes}>
          {!listed && <option value={own}>{own}</option>}
          {STRATEGIES.map(([name, title]) => (
            <option key={name} value={name} selected={name === own}>
              {t(title)}
            </option>
          ))}
        </select>
      )}
    />
  );
}

/** Those who serve it in their order, then the others who have a phone. */
function Agents({ line }: { line: KeptLine }): JSX.Element {
  const serving = line.settings.agents;
  const others = [...agents.value.values()].flatMap((agent) => agent.extension ?? []).filter((each) => !serving.includes(each));
  return (
    <fieldset>
      <legend>{t("field.agents")}</legend>
      {[...serving, ...others.sort()].map((extension) => (
        <label key={extension} class="row">
          <input
            type="checkbox"
            name="agents"
            value={extension}
            defaultChecked={serving.includes(extension)}
            data-testid={`serves-${extension}`}
          />
          <span class="number">{extension}</span> {nameOf(extension)}
        </label>
      ))}
    </fieldset>
  );
}

export function LineForm({ line, changed }: { line: KeptLine; changed: () => void }): JSX.Element {
  const { failure, busy, send } = useSending(async (entered, form) => {
    const data = new FormData(form);
    const numbers = NUMBERS.map(([name]) => [name, entered(name) === "" ? null : Number(entered(name))]);
    const settings = {
      name: entered("name"),
      agents: data.getAll("agents"),
      strategy: entered("strategy"),
      overflow: entered("overflow"),
      ...Object.fromEntries(numbers),
      ...Object.fromEntries(TOLD.map((name) => [name, data.has(name)])),
    };
    await request("PATCH", `/api/lines/${encodeURIComponent(line.number)}`, { settings, revision: line.revision });
    say(t("my_phone.kept"));
    changed();
  });
  return (
    <form class="new-key" noValidate data-testid="line-form" onSubmit={send}>
      <Problem failure={failure.value} testid="line-problem" />
      <Field
        name="name"
        label="field.title"
        failure={failure.value}
        input={(attributes) => <input {...attributes} maxLength={100} defaultValue={line.settings.name} />}
      />
      <Agents line={line} />
      <Strategy line={line} failure={failure.value} />
      {NUMBERS.map(([name, label, min, max]) => (
        <Field
          key={name}
          name={name}
          label={label}
          failure={failure.value}
          input={(attributes) => (
            <input
              {...attributes}
              type="number"
              min={min}
              max={max}
              defaultValue={String(line.settings[name] ?? "")}
              placeholder={name === "ring_timeout" ? t("my_phone.as_usual") : undefined}
            />
          )}
        />
      ))}
      <Field
        name="overflow"
        label="field.overflow"
        failure={failure.value}
        input={(attributes) => (
          <input {...attributes} maxLength={32} autoComplete="off" defaultValue={line.settings.overflow} />
        )}
      />
      {TOLD.map((name) => (
        <label key={name} class="row">
          <input type="checkbox" name={name} defaultChecked={line.settings[name]} />
          {t(name === "position" ? "lines.position" : "lines.expected_wait")}
        </label>
      ))}
      <p class="muted small">{t("lines.others")}</p>
      <div>
        <button class="button primary" type="submit" data-testid="keep-line" disabled={busy.value}>
          {t("save")}
        </button>
      </div>
    </form>
  );
}
