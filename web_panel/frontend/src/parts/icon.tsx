// A small set of line icons. They are decoration: the text beside them, or the button's label, says what they mean.

import type { JSX } from "preact";

const SHAPES = {
  phone: "M5 4h3.500l1.5 4-2 1.500a11 11 0 0 0 5.5 5.500l1.5-2 4 1.500V18a2 2 0 0 1-2 2A14.5 14.5 0 0 1 3 6a2 2 0 0 1 2-2z",
  "phone-off": "M4 4l16 16M8.5 8 8 4H5a2 2 0 0 0-2 2c0 3 1 6 2.6 8.400M9.6 13a11 11 0 0 0 3.9 2l1.5-2 4 1.500V18",
  incoming: "M19 5 9 15M9 7v8h8",
  outgoing: "M5 19 15 9M7 9h8v8",
  missed: "M4 8l6 6 4-4 6 6M15 16h5v-5",
  arrow: "M5 12h14M13 6l6 6-6 6",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20a8 8 0 0 1 16 0",
  ticket: "M4 7h16v3.500a1.8 1.8 0 0 0 0 3.600V17H4v-2.900a1.8 1.8 0 0 0 0-3.600z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.500 2",
  print: "M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5l4.5 4.500L19 7.5",
  give: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20a6.5 6.5 0 0 1 11-4.700M15 19h6M18 16l3 3-3 3",
  note: "M5 4h14v16H5zM8.5 9h7M8.5 13h7",
  door: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
  join: "M4 7h5l6 10h5M4 17h5l1.500-2.500M13.5 9.500 15 7h5M17.500 4.500 20 7l-2.500 2.500M17.500 14.500 20 17l-2.500 2.500",
  swap: "M4 8h15M15 4l4 4-4 4M20 16H5M9 12l-4 4 4 4",
  back: "M9 6 4 11l5 5M4 11h10a6 6 0 0 1 6 6v1",
  pause: "M8 5v14M16 5v14",
  record: "M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10z",
  play: "M7 5l11 7-11 7z",
  park: "M5 4h14v16H5zM10 16V8h2.800a2.4 2.4 0 0 1 0 4.800H10",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  sound: "M4 9.500v5h4l5 4v-13l-5 4zM16.5 9a4 4 0 0 1 0 6",
  screen: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  ladder: "M6 4v16M18 4v16M6 9h12M15 6l3 3-3 3M18 16H6M9 13l-3 3 3 3",
  people: "M8.5 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 19a6 6 0 0 1 12 0M15.500 5.300a3 3 0 0 1 0 5.400M17 13.500a6 6 0 0 1 4.500 5.500",
  listen: "M4 15v-3a8 8 0 0 1 16 0v3M4 14h3.500v6H6a2 2 0 0 1-2-2zM20 14h-3.500v6H18a2 2 0 0 0 2-2z",
  whisper: "M6 8a5 5 0 0 1 10 0c0 3-3 4-3.500 7a3 3 0 0 1-5.500 1.500M9 8.500a2 2 0 0 1 4 0M19 5a6 6 0 0 1 0 6",
  microphone: "M12 14a3 3 0 0 0 3-3V7a3 3 0 0 0-6 0v4a3 3 0 0 0 3 3zM6 11a6 6 0 0 0 12 0M12 17v4M9 21h6",
  "microphone-off": "M4 4l16 16M9 9v2a3 3 0 0 0 4.500 2.600M15 10.500V7a3 3 0 0 0-5.700-1.300M6 11a6 6 0 0 0 9 5.200M12 17v4M9 21h6",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  unlock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 6.800-1.200",
  hide: "M4 4l16 16M10 6.200A9 9 0 0 1 21 12a13 13 0 0 1-2.500 3.200M6.500 8A13 13 0 0 0 3 12a9.500 9.500 0 0 0 12 5M10 10.500a2.500 2.500 0 0 0 3.500 3.500",
  show: "M3 12a9.800 9.800 0 0 1 18 0a9.800 9.800 0 0 1-18 0zM12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z",
  download: "M12 4v11M7 10.500l5 5 5-5M5 20h14",
} as const;

export type IconName = keyof typeof SHAPES | "hang-up";

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {name === "hang-up" ? <path d={SHAPES.phone} transform="rotate(135 12 12)" /> : <path d={SHAPES[name]} />}
    </svg>
  );
}
