// What can be done about a missed call: call back, take it, hand it over, close it with a result.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { read } from "../api";
import { call, claim, closeFollowUp, handOver, postpone } from "../commands";
import { momentOf, t } from "../i18n";
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

type Open = "nothing" | "closing" | "handing" | "postponing";
type Run = (work: () => Promise<unknown>, done?: string) => void;

/** A colleague's claim is the colleague's: who sees all may still hand it over. */
function claimedByAnother(followUp: Actionable["followUp"]): boolean {
  return followUp?.state === "claimed" && followUp.owner_id !== me.value?.id;
}

export function FollowUpActions({ entry, after }: { entry: Actionable; after?: () => void }): JSX.Element | null {
  const open = useSignal<Open>("nothing");
  const followUp = entry.followUp;
  if (followUp?.state === "closed") return null;

  const cancel = (): void => {
    open.value = "nothing";
  };
  const run: Run = (work, done) =>
    void attempt(work, done).then((succeeded) => {
      if (!succeeded) return;
      cancel();
      after?.();
    });

  if (followUp && open.value === "closing")
    return (
      <CloseForm
        onClose={(result) => run(() => closeFollowUp(followUp.id, result), t("follow_up.closed_now"))}
        onCancel={cancel}
      />
    );
  if (followUp && open.value === "postponing")
    return (
      <PostponeForm
        onChoose={(at) => run(() => postpone(followUp.id, momentOf(at)), t("follow_up.postponed"))}
        onCancel={cancel}
      />
    );
  if (followUp && open.value === "handing")
    return (
      <HandOverForm
        owner={followUp.owner_id}
        onChoose={(to) => run(() => handOver(followUp.id, to), t("follow_up.handed_over"))}
        onCancel={cancel}
      />
    );
  return (
    <div class="actions">
      {entry.phone && may("call") && !claimedByAnother(followUp) && <CallBack entry={entry} run={run} />}
      {followUp && may("work_follow_ups") && <Work followUp={followUp} run={run} open={(form) => (open.value = form)} />}
    </div>
  );
}

function CallBack({ entry, run }: { entry: Actionable; run: Run }): JSX.Element {
  const hasPhone = Boolean(me.value?.extension);
  return (
    <button
      class="button primary compact"
      type="button"
      data-testid="call-back"
      disabled={!hasPhone}
      title={hasPhone ? undefined : t("error.no_phone")}
      onClick={() => run(() => call(entry.phone, entry.followUp?.id), t("call.phone_will_ring"))}
    >
      <Icon name="phone" />
      {t("follow_up.call_back")}
    </button>
  );
}

function Work(props: {
  followUp: NonNullable<Actionable["followUp"]>;
  run: Run;
  open: (form: Open) => void;
}): JSX.Element {
  const mine = props.followUp.owner_id === me.value?.id;
  return (
    <>
      {!mine && !claimedByAnother(props.followUp) && (
        <button
          class="button quiet compact"
          type="button"
          data-testid="claim"
          onClick={() => props.run(() => claim(props.followUp.id))}
        >
          {t("follow_up.claim")}
        </button>
      )}
      <span class="grow" />
      {(mine || may("supervise")) && (
        <>
          {mine && (
            <IconButton
              name="clock"
              label={t("follow_up.postpone")}
              testid="postpone"
              act={() => props.open("postponing")}
            />
          )}
          <IconButton name="give" label={t("follow_up.hand_over")} testid="hand-over" act={() => props.open("handing")} />
          <IconButton name="check" label={t("follow_up.close")} testid="close" act={() => props.open("closing")} />
        </>
      )}
    </>
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

function PostponeForm(props: { onChoose: (at: string) => void; onCancel: () => void }): JSX.Element {
  const at = useSignal("");
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        props.onChoose(at.value);
      }}
    >
      <input
        class="input compact"
        type="datetime-local"
        required
        ref={(element) => element?.focus()}
        aria-label={t("follow_up.postpone_until")}
        title={t("follow_up.postpone_until")}
        data-testid="postpone-until"
        value={at.value}
        onInput={(event) => (at.value = event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && props.onCancel()}
      />
      <button class="button primary compact" type="submit" data-testid="postpone-confirm">
        {t("follow_up.postpone")}
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
