// Waiting lines: who serves each, whom it rings, how long one waits. What is not here is set by REST (docs/lines.md).

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { plural, t } from "../i18n";
import { lines as live } from "../live-store";
import { LineForm, type KeptLine } from "../parts/line-form";
import { LineSwitch } from "../parts/line-switch";
import { may } from "../session";
import { attempt } from "../toasts";

import "../styles/desk.css";
import "../styles/journal.css";
import "../styles/keys.css";

function Row({ line, chosen, open }: { line: KeptLine; chosen: boolean; open: () => void }): JSX.Element {
  return (
    <tr data-testid="kept-line" data-line={line.number} aria-selected={chosen}>
      <td class="number">{line.number}</td>
      <td>
        <button class="open-row" type="button" data-testid="edit-line" onClick={open}>
          {line.settings.name}
        </button>{" "}
        {!(live.value.get(line.number)?.is_open ?? line.is_open) && <span class="tag">{t("line.closed")}</span>}
      </td>
      <td>{plural("agents.count", line.settings.agents.length)}</td>
      <td class="muted">{t(line.revision === 0 ? "lines.configured" : "lines.changed")}</td>
    </tr>
  );
}

export default function Lines(): JSX.Element {
  const kept = useSignal<KeptLine[] | null>(null);
  const chosen = useSignal<string | null>(null);
  const load = async (): Promise<void> => {
    await attempt(async () => {
      kept.value = await read<KeptLine[]>("/api/lines");
      chosen.value ??= kept.value[0]?.number ?? null;
    });
  };
  useEffect(() => {
    document.title = `${t("report.lines")} – Dzvin`;
    void load();
  }, []);
  const line = kept.value?.find((each) => each.number === chosen.value);
  const shown = line && live.value.get(line.number);
  return (
    <>
      <div class="page-head">
        <h1>{t("report.lines")}</h1>
      </div>
      <div class="keys">
        <section class="card" aria-label={t("report.lines")}>
          {kept.value === null && <p class="empty">{t("loading")}</p>}
          {kept.value?.length === 0 && <p class="empty">{t("lines.none")}</p>}
          <div class="table-wrap">
            <table class="register">
              <tbody>
                {kept.value?.map((each) => (
                  <Row
                    key={each.number}
                    line={each}
                    chosen={each.number === chosen.value}
                    open={() => (chosen.value = each.number)}
                  />
                ))}
              </tbody>
            </table>
          </div>
        </section>
        {line && (
          <section class="card" aria-label={line.settings.name}>
            <div class="card-head">
              <h2 class="grow">
                {line.settings.name} <span class="muted number">{line.number}</span>
              </h2>
            </div>
            {shown && may("supervise") && <LineSwitch line={shown} />}
            <LineForm key={`${line.number} ${line.revision}`} line={line} changed={() => void load()} />
          </section>
        )}
      </div>
    </>
  );
}
