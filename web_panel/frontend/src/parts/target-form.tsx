// Whom to hand a call on to: a colleague or any number that I may dial.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { t, type TextKey } from "../i18n";
import { me } from "../session";
import { attempt } from "../toasts";

interface Colleague {
  id: string;
  full_name: string;
  extension: string | null;
}

export interface Choice {
  label: TextKey;
  testid: string;
  act: (number: string) => void;
}

/** The first choice is what Enter does. */
export function TargetForm({ choices, cancel }: { choices: readonly Choice[]; cancel: () => void }): JSX.Element {
  const number = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const colleagues = useSignal<Colleague[] | null>(null);
  if (colleagues.value === null) {
    colleagues.value = [];
    void attempt(async () => {
      colleagues.value = await read<Colleague[]>("/api/people");
    });
  }
  const choose = (choice: Choice | undefined): void => {
    const text = number.value.trim();
    if (text) choice?.act(text);
  };
  return (
    <form
      class="inline-form target-form"
      data-testid="target-form"
      onSubmit={(event) => {
        event.preventDefault();
        choose(choices[0]);
      }}
      onKeyDown={(event) => event.key === "Escape" && cancel()}
    >
      <input
        class="input compact"
        required
        maxLength={64}
        list="colleagues"
        autocomplete="off"
        ref={field}
        placeholder={t("target.hint")}
        aria-label={t("target.whom")}
        data-testid="target"
        value={number.value}
        onInput={(event) => (number.value = event.currentTarget.value)}
      />
      <datalist id="colleagues">
        {(colleagues.value ?? [])
          .filter((person) => person.extension && person.extension !== me.value?.extension)
          .map((person) => (
            <option key={person.id} value={person.extension ?? ""}>
              {person.full_name}
            </option>
          ))}
      </datalist>
      {choices.map((choice, index) => (
        <button
          key={choice.testid}
          class={index === 0 ? "button primary compact" : "button compact"}
          type={index === 0 ? "submit" : "button"}
          data-testid={choice.testid}
          onClick={index === 0 ? undefined : () => choose(choice)}
        >
          {t(choice.label)}
        </button>
      ))}
      <button class="button quiet compact" type="button" onClick={cancel}>
        {t("cancel")}
      </button>
    </form>
  );
}
