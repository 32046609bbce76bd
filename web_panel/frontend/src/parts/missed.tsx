// Missed calls of today, one entry for each caller, and all follow-ups that are open whatever their day.

import { computed, useSignal, useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { now } from "../clock";
import { formatMoment, plural, t, tOr } from "../i18n";
import { latest } from "../latest";
import { lines, missed } from "../live-store";
import { me } from "../session";
import { attempt } from "../toasts";
import type { FollowUpView, MissedView, PartyView } from "../wire";
import { FollowUpActions } from "./follow-up-actions";
import { Moment, Party } from "./words";

interface FollowUp {
  id: string;
  phone: string;
  display_name: string;
  client_id: string | null;
  client_name: string | null;
  owner_id: string | null;
  owner_name: string | null;
  state: string;
  due_at: string | null;
  missed_count: number;
  last_missed_at: string;
}

const today = computed(() =>
  [...missed.value.values()].sort(
    (one, other) => Number(isClosed(one)) - Number(isClosed(other)) || other.last_at.localeCompare(one.last_at),
  ),
);

function isClosed(entry: MissedView): boolean {
  return entry.follow_up?.state === "closed";
}

function Due({ followUp }: { followUp: Pick<FollowUpView, "state" | "due_at"> }): JSX.Element | null {
  if (followUp.state === "closed") return <span class="pill done">{t("follow_up.done")}</span>;
  if (!followUp.due_at) return null;
  const late = new Date(followUp.due_at).getTime() < now.value;
  const at = formatMoment(followUp.due_at, now.value);
  return (
    <span class={late ? "pill overdue" : "pill due"}>{t(late ? "follow_up.overdue" : "follow_up.due", { at })}</span>
  );
}

function Owner({ id, name }: { id: string | null; name: string | null }): JSX.Element {
  const text = id === null ? t("follow_up.nobody") : id === me.value?.id ? t("follow_up.mine") : (name ?? "");
  return <span data-testid="owner">{text}</span>;
}

function Head(props: { party: PartyView; count: number; at: string }): JSX.Element {
  return (
    <div class="top">
      <Party party={props.party} />
      <div class="row small">
        {props.count > 1 && (
          <span class="times" title={plural("missed.times", props.count)}>
            ×{props.count}
          </span>
        )}
        <Moment at={props.at} />
      </div>
    </div>
  );
}

function MissedRow({ entry }: { entry: MissedView }): JSX.Element {
  const followUp = entry.follow_up;
  const line = entry.line ? (lines.value.get(entry.line)?.name ?? entry.line) : null;
  return (
    <li class="missed" data-testid="missed" data-phone={entry.party.number} data-state={followUp?.state ?? "unknown"}>
      <Head party={entry.party} count={entry.count} at={entry.last_at} />
      <div class="row wrap small muted">
        {followUp && <Due followUp={followUp} />}
        {followUp && <Owner id={followUp.owner_id} name={followUp.owner_name} />}
        <span>{[line, tOr("outcome", entry.outcome, "outcome.failed")].filter(Boolean).join(" · ")}</span>
      </div>
      <FollowUpActions entry={{ phone: entry.party.number, followUp }} />
    </li>
  );
}

function OpenRow({ followUp, after }: { followUp: FollowUp; after: () => void }): JSX.Element {
  const party = {
    number: followUp.phone,
    name: followUp.display_name,
    client_id: followUp.client_id,
    client_name: followUp.client_name,
  };
  return (
    <li class="missed" data-testid="follow-up" data-phone={followUp.phone} data-state={followUp.state}>
      <Head party={party} count={followUp.missed_count} at={followUp.last_missed_at} />
      <div class="row wrap small muted">
        <Due followUp={followUp} />
        <Owner id={followUp.owner_id} name={followUp.owner_name} />
      </div>
      <FollowUpActions entry={{ phone: followUp.phone, followUp }} after={after} />
    </li>
  );
}

function AllOpen(): JSX.Element {
  const open = useSignal<FollowUp[] | null>(null);
  const newest = useMemo(latest, []);
  const load = (): void =>
    void attempt(() => newest(read<FollowUp[]>("/api/follow-ups"), (answer) => (open.value = answer)));
  useSignalEffect(() => {
    void missed.value; // whatever changes among today's may change this list
    load();
  });
  if (open.value === null) return <p class="empty">{t("loading")}</p>;
  if (open.value.length === 0) return <p class="empty">{t("follow_up.none")}</p>;
  return (
    <ul class="entries">
      {open.value.map((followUp) => (
        <OpenRow key={followUp.id} followUp={followUp} after={load} />
      ))}
    </ul>
  );
}

export function Missed(): JSX.Element {
  const all = useSignal(false);
  return (
    <section class="card" aria-labelledby="missed-title" data-testid="missed-calls">
      <div class="card-head">
        <h2 id="missed-title" class="grow">
          {t("missed.title")}
        </h2>
        <div class="segmented">
          <button type="button" aria-pressed={!all.value} onClick={() => (all.value = false)}>
            {t("missed.today")}
          </button>
          <button type="button" aria-pressed={all.value} data-testid="all-open" onClick={() => (all.value = true)}>
            {t("missed.all_open")}
          </button>
        </div>
      </div>
      {all.value ? (
        <AllOpen />
      ) : today.value.length === 0 ? (
        <p class="empty">{t("missed.none")}</p>
      ) : (
        <ul class="entries">
          {today.value.map((entry) => (
            <MissedRow key={entry.key} entry={entry} />
          ))}
        </ul>
      )}
    </section>
  );
}
