// A labelled field of a form, marked when the server names it as wrong.

import type { JSX } from "preact";

import { Refused } from "../api";
import { t, type TextKey } from "../i18n";

export interface FieldProps {
  name: string;
  label: TextKey;
  failure?: unknown;
  hint?: string;
  input: (attributes: FieldAttributes) => JSX.Element;
}

export interface FieldAttributes {
  id: string;
  name: string;
  class: string;
  "aria-invalid": boolean;
  "data-testid": string;
}

export function Field({ name, label, failure, hint, input }: FieldProps): JSX.Element {
  const wrong = failure instanceof Refused && failure.field === name;
  const id = `field-${name}`;
  return (
    <div class="field">
      <label for={id}>
        {t(label)}
        {hint && <span class="hint"> {hint}</span>}
      </label>
      {input({ id, name, class: "input", "aria-invalid": wrong, "data-testid": `field-${name}` })}
    </div>
  );
}
