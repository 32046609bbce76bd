// What can be done about a missed call: call back, take it, hand it over, close it with a result.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { read } from "../api";
import { call, claim, closeFollowUp, handOver } from "../commands";
import { t } from "../i18n";
import { may, me } from "../session";
import { attempt } from "../toasts";
import { Icon, type IconName } from "./icon";

export interface Actionable {
  phone: string;
  followUp: { id: string; state: string; owner_id: string | null } | null;
}

interface Colleague {
  id: string;
  full_name: string;
  extension: string | null;
}

type Open = "nothing" | "closing" | "handing";

export function FollowUpActions({ entry, after }: { entry: Actionable; after?: () => void }): JSX.Element | null {
  const open = useSignal<Open>("nothing");
  const followUp = entry.followUp;
  if (followUp?.state === "closed") return null;

  const run = async (work: () => Promise<unknown>, done?: string): Promise<void> => {
    if (await attempt(work, done)) {
      open.value = "nothing";
      after?.();
    }
  };

  if (followUp && open.value === "closing")
    return (
      <CloseForm
        onClose={(result) => void run(() => closeFollowUp(followUp.id, result), t("follow_up.closed_now"))}
        onCancel={() => (open.value = "nothing")}
      />
    );
  if (followUp && open.value === "handing")
    return (
      <HandOverForm
        owner={followUp.owner_id}
        onChoose={(to) => void run(() => handOver(followUp.id, to), t("follow_up.handed_over"))}
        onCancel={() => (open.value = "nothing")}
      />
    );

  return (
    <div class="actions">
      {entry.phone && may("call") && (
        <button
          class="button primary compact"
          type="button"
          data-testid="call-back"
          disabled={!me.value?.extension}
          title={me.value?.extension ? undefined : t("error.no_phone")}
          onClick={() => void run(() => call(entry.phone, followUp?.id), t("call.phone_will_ring"))}
        >
          <Icon name="phone" />
          {t("follow_up.call_back")}
        </button>
      )}
      {followUp && may("work_follow_ups") && (
        <>
          {followUp.owner_id !== me.value?.id && (
            <button class="button quiet compact" type="button" data-testid="claim" onClick={() => void run(() => claim(followUp.id))}>
              {t("follow_up.claim")}
            </button>
          )}
          <span class="grow" />
          <IconButton name="give" label={t("follow_up.hand_over")} testid="hand-over" act={() => (open.value = "handing")} />
          <IconButton name="check" label={t("follow_up.close")} testid="close" act={() => (open.value = "closing")} />
        </>
      )}
    </div>
  );
}

function IconButton(props: { name: IconName; label: string; testid: string; act: () => void }): JSX.Element {
  return (
    <button
      class="icon-button"
      type="button"
      title={props.label}
      aria-label={props.label}
      data-testid={props.testid}
      onClick={props.act}
    >
      <Icon name={props.name} />
    </button>
  );
}

function CloseForm(props: { onClose: (result: string) => void; onCancel: () => void }): JSX.Element {
  const result = useSignal("");
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        props.onClose(result.value.trim());
      }}
    >
      <input
        class="input compact"
        required
        maxLength={500}
        ref={(element) => element?.focus()}
        placeholder={t("follow_up.result_hint")}
        aria-label={t("follow_up.result")}
        data-testid="close-result"
        value={result.value}
        onInput={(event) => (result.value = event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && props.onCancel()}
      />
      <button class="button primary compact" type="submit" data-testid="close-confirm">
        {t("follow_up.close")}
      </button>
      <button class="button quiet compact" type="button" onClick={props.onCancel}>
        {t("cancel")}
      </button>
    </form>
  );
}

function HandOverForm(props: {
  owner: string | null;
  onChoose: (to: string) => void;
  onCancel: () => void;
}): JSX.Element {
  const colleagues = useSignal<Colleague[] | null>(null);
  if (colleagues.value === null) {
    colleagues.value = [];
    void attempt(async () => {
      colleagues.value = await read<Colleague[]>("/api/people");
    });
  }
  return (
    <div class="inline-form">
      <select
        class="input compact"
        aria-label={t("follow_up.hand_over_to")}
        data-testid="hand-over-to"
        onChange={(event) => event.currentTarget.value && props.onChoose(event.currentTarget.value)}
      >
        <option value="">{t("follow_up.hand_over_to")}</option>
        {(colleagues.value ?? [])
          .filter((person) => person.id !== props.owner)
          .map((person) => (
            <option key={person.id} value={person.id}>
              {person.full_name}
            </option>
          ))}
      </select>
      <button class="button quiet compact" type="button" onClick={props.onCancel}>
        {t("cancel")}
      </button>
    </div>
  );
}
