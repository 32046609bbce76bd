// Labelled fields of a form, marked when the server names one as wrong.

import type { JSX } from "preact";

import { failureText, Refused } from "../api";
import { t, type TextKey } from "../i18n";

export interface FieldAttributes {
  id: string;
  name: string;
  class: string;
  "aria-invalid": boolean;
  "data-testid": string;
}

export interface FieldProps {
  name: string;
  label: TextKey;
  failure: unknown;
  input: (attributes: FieldAttributes) => JSX.Element;
}

export function Field({ name, label, failure, input }: FieldProps): JSX.Element {
  const wrong = failure instanceof Refused && failure.field === name;
  const id = `field-${name}`;
  return (
    <div class="field">
      <label for={id}>{t(label)}</label>
      {input({ id, name, class: "input", "aria-invalid": wrong, "data-testid": id })}
    </div>
  );
}

export function Problem({ failure, testid }: { failure: unknown; testid: string }): JSX.Element | null {
  if (failure === null) return null;
  return (
    <p class="problem" role="alert" data-testid={testid}>
      {failureText(failure)}
    </p>
  );
}

export function ServiceField(props: {
  failure: unknown;
  services: readonly { code: string; title: string }[];
  choose?: (code: string) => void;
}): JSX.Element {
  return (
    <Field
      name="service_code"
      label="field.service_code"
      failure={props.failure}
      input={(attributes) => (
        <select {...attributes} onChange={(event) => props.choose?.(event.currentTarget.value)}>
          {props.services.map((service) => (
            <option key={service.code} value={service.code}>
              {service.title}
            </option>
          ))}
        </select>
      )}
    />
  );
}

/** Who comes: the same three fields at the desk and on the website. */
export function PersonFields({ failure }: { failure: unknown }): JSX.Element {
  return (
    <>
      <Field
        name="name"
        label="field.name"
        failure={failure}
        input={(attributes) => <input {...attributes} autoComplete="name" maxLength={200} />}
      />
      <div class="pair">
        <Field
          name="phone"
          label="field.phone"
          failure={failure}
          input={(attributes) => (
            <input {...attributes} type="tel" autoComplete="tel" placeholder="+380 __ ___ __ __" maxLength={40} />
          )}
        />
        <Field
          name="company_count"
          label="field.company_count"
          failure={failure}
          input={(attributes) => <input {...attributes} type="number" min={1} max={50} defaultValue="1" />}
        />
      </div>
    </>
  );
}
