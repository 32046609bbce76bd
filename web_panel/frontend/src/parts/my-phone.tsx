// My phone: call a number, do not disturb, forwarding, lines. A small sheet under its button in the bar.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { call, changePhone, forward, type ForwardKind, type Phone, type PhoneChange } from "../commands";
import { t } from "../i18n";
import { myAgent } from "../live-store";
import { attempt } from "../toasts";
import { Icon } from "./icon";

const KINDS: readonly ForwardKind[] = ["always", "busy", "no_answer"];
const LINES = [1, 2, 3, 4, 5];
const RINGS = [10, 15, 20, 30, 45, 60];

function state(): string {
  const agent = myAgent.value;
  if (agent?.status === "dnd") return t("status.dnd");
  return agent?.forwards.length ? t("my_phone.forwarded") : "";
}

function Dial({ done }: { done: () => void }): JSX.Element {
  const number = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []); // once: a status that changes must not take the focus back
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(() => call(number.value.trim()), t("call.phone_will_ring")).then((called) => called && done());
      }}
    >
      <input
        class="input compact"
        type="tel"
        required
        maxLength={64}
        ref={field}
        placeholder={t("my_phone.number")}
        aria-label={t("my_phone.number")}
        data-testid="dial"
        value={number.value}
        onInput={(event) => (number.value = event.currentTarget.value)}
      />
      <button class="button primary compact" type="submit" data-testid="dial-call">
        <Icon name="phone" />
        {t("my_phone.call")}
      </button>
    </form>
  );
}

function Forward(props: { kind: ForwardKind; number: string; set: (number: string) => void }): JSX.Element {
  const id = `forward-${props.kind}`;
  const number = useSignal(props.number);
  useEffect(() => {
    number.value = props.number;
  }, [props.number]);
  return (
    <form
      class="forward"
      onSubmit={(event) => {
        event.preventDefault();
        props.set(number.value.trim());
      }}
    >
      <label for={id}>{t(`forward_kind.${props.kind}`)}</label>
      <input
        id={id}
        class="input compact"
        maxLength={64}
        placeholder={t("my_phone.nowhere")}
        data-testid={id}
        value={number.value}
        onInput={(event) => (number.value = event.currentTarget.value)}
      />
      <button class="icon-button" type="submit" title={t("save")} aria-label={t("save")} data-testid={`${id}-save`}>
        <Icon name="check" />
      </button>
    </form>
  );
}

function Choice(props: {
  name: string;
  label: string;
  value: number | null;
  choices: readonly number[];
  none: string;
  set: (value: number) => void;
}): JSX.Element {
  const shown = props.value === null || props.choices.includes(props.value) ? [] : [props.value];
  return (
    <label class="setting">
      <span class="grow">{props.label}</span>
      <select
        class="input compact"
        data-testid={props.name}
        value={props.value ?? ""}
        onChange={(event) => props.set(Number(event.currentTarget.value))}
      >
        {props.value === null && <option value="">{props.none}</option>}
        {[...shown, ...props.choices].map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
}

function Switch(props: { name: string; label: string; on: boolean; set: (on: boolean) => void }): JSX.Element {
  return (
    <label class="setting">
      <span class="grow">{props.label}</span>
      <input
        type="checkbox"
        role="switch"
        data-testid={props.name}
        checked={props.on}
        onChange={(event) => props.set(event.currentTarget.checked)}
      />
    </label>
  );
}

function Sheet({ close }: { close: () => void }): JSX.Element {
  const phone = useSignal<Phone | null>(null);
  const asked = useRef(0);
  // Of answers that cross each other only the last one's counts: a switch must not jump back under the finger.
  const take = async (work: () => Promise<Phone>): Promise<void> => {
    const turn = ++asked.current;
    const answer = await work();
    if (turn === asked.current) phone.value = answer;
  };
  const look = (): Promise<void> => take(() => read<Phone>("/api/phone"));
  useEffect(() => void attempt(look), []);
  const keep = (work: () => Promise<Phone>): void =>
    void attempt(() => take(work), t("my_phone.kept")).then((kept) => kept || attempt(look));
  const known = phone.value;
  const change = (wished: PhoneChange): void => {
    if (known) phone.value = { ...known, ...wished };
    keep(() => changePhone(wished));
  };
  return (
    <section class="sheet card" id="my-phone" aria-labelledby="my-phone-title" data-testid="my-phone">
      <h2 id="my-phone-title">{t("my_phone.title")}</h2>
      <Dial done={close} />
      {known && (
        <>
          <Switch
            name="do-not-disturb"
            label={t("status.dnd")}
            on={known.do_not_disturb}
            set={(on) => change({ do_not_disturb: on })}
          />
          <fieldset>
            <legend>{t("my_phone.forward")}</legend>
            {KINDS.map((kind) => (
              <Forward
                key={kind}
                kind={kind}
                number={known.forwards[kind]}
                set={(number) => keep(() => forward(kind, number))}
              />
            ))}
          </fieldset>
          <Choice
            name="ring-seconds"
            label={t("my_phone.ring_seconds")}
            value={known.ring_seconds}
            choices={RINGS}
            none={t("my_phone.as_usual")}
            set={(seconds) => change({ ring_seconds: seconds })}
          />
          <Choice
            name="lines"
            label={t("my_phone.lines")}
            value={known.lines}
            choices={LINES}
            none={t("my_phone.no_limit")}
            set={(lines) => change({ lines })}
          />
          <Switch
            name="auto-answer"
            label={t("my_phone.auto_answer")}
            on={known.auto_answer}
            set={(on) => change({ auto_answer: on })}
          />
        </>
      )}
    </section>
  );
}

export function MyPhone(): JSX.Element {
  const open = useSignal(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    open.value = false;
    button.current?.focus();
  };
  useEffect(() => {
    const elsewhere = (event: Event): void => {
      if (!place.current?.contains(event.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
    };
  }, []);
  const says = state();
  return (
    <div class="my-phone" ref={place} onKeyDown={(event) => event.key === "Escape" && open.value && close()}>
      <button
        ref={button}
        class={says ? "button quiet is-on" : "button quiet"}
        type="button"
        title={says || t("my_phone.title")}
        aria-label={says ? `${t("my_phone.title")}: ${says}` : t("my_phone.title")}
        aria-expanded={open.value}
        aria-controls="my-phone"
        data-testid="my-phone-button"
        onClick={() => (open.value = !open.value)}
      >
        <Icon name={says ? "phone-off" : "phone"} />
      </button>
      {open.value && <Sheet close={close} />}
    </div>
  );
}
