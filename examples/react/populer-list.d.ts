// Types of <populer-list> and of `window.populer`, served beside the script (/populer-list.d.ts). TypeScript then knows the
// element in the DOM, and in what is written for React 19, Preact, Solid, Svelte and Vue, as far as they are installed.

/** What a page may say of a list; docs/embedding.md has what each does. */
export interface PopulerListAttributes {
  /** Which list; several, with spaces between them, for the theme `tabs`. */
  list?: string;
  section?: string;
  tag?: string;
  author?: string;
  language?: string;
  premium?: "true" | "false";
  type?: string;
  site?: string;
  host?: string;
  /** From 1 to 100. */
  limit?: number | `${number}`;
  theme?: "numbered" | "plain" | "thumbs" | "compact" | "tabs";
  heading?: string;
  level?: 1 | 2 | 3 | 4 | 5 | 6 | "1" | "2" | "3" | "4" | "5" | "6";
  more?: string;
  "more-label"?: string;
  /** Seconds; 0: never. */
  refresh?: number | `${number}`;
  views?: boolean | "";
  live?: boolean | "";
}

export interface PopulerItem {
  id: string;
  rank: number;
  title: string;
  url: string | null;
  image: string | null;
  section: string | null;
  published_at: number | null;
  published_label: string;
  views: number;
  previous_rank: number | null;
  is_new: boolean;
}

/** A list as the API answers it, with what readers of the event `populer` are likely to use. */
export interface PopulerAnswer {
  list: string;
  title: string;
  generation: number;
  generated_at: number;
  items: PopulerItem[];
}

export type PopulerEvent = CustomEvent<PopulerAnswer>;

/** Each attribute as a property. What is read is the attribute's text; null or undefined takes it away. */
export interface PopulerListElement extends HTMLElement {
  get list(): string | null;
  set list(value: PopulerListAttributes["list"] | null);
  get section(): string | null;
  set section(value: PopulerListAttributes["section"] | null);
  get tag(): string | null;
  set tag(value: PopulerListAttributes["tag"] | null);
  get author(): string | null;
  set author(value: PopulerListAttributes["author"] | null);
  get language(): string | null;
  set language(value: PopulerListAttributes["language"] | null);
  get premium(): string | null;
  set premium(value: PopulerListAttributes["premium"] | null);
  get type(): string | null;
  set type(value: PopulerListAttributes["type"] | null);
  get site(): string | null;
  set site(value: PopulerListAttributes["site"] | null);
  get host(): string | null;
  set host(value: PopulerListAttributes["host"] | null);
  get limit(): string | null;
  set limit(value: PopulerListAttributes["limit"] | null);
  get theme(): string | null;
  set theme(value: PopulerListAttributes["theme"] | null);
  get heading(): string | null;
  set heading(value: PopulerListAttributes["heading"] | null);
  get level(): string | null;
  set level(value: PopulerListAttributes["level"] | null);
  get more(): string | null;
  set more(value: PopulerListAttributes["more"] | null);
  get moreLabel(): string | null;
  set moreLabel(value: PopulerListAttributes["more-label"] | null);
  get refresh(): string | null;
  set refresh(value: PopulerListAttributes["refresh"] | null);
  live: boolean;
  views: boolean;
}

/** An event of the page's own. */
export interface PopulerRecord {
  item?: string;
  url?: string;
  kind?: string;
  source?: string;
  position?: number;
}

interface Listener {
  onpopuler?: (event: PopulerEvent) => void;
}

declare global {
  interface HTMLElementTagNameMap {
    "populer-list": PopulerListElement;
  }
  interface HTMLElementEventMap {
    populer: PopulerEvent;
  }
  interface Window {
    populer?: { record(event: PopulerRecord): void };
  }
}

// What of a framework that is not installed is ignored, as are the names that stand in its module.
// @ts-ignore
declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      // @ts-ignore
      "populer-list": DetailedHTMLProps<HTMLAttributes<PopulerListElement>, PopulerListElement> & PopulerListAttributes & Listener;
    }
  }
}

// @ts-ignore
declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      // @ts-ignore
      "populer-list": HTMLAttributes<PopulerListElement> & PopulerListAttributes & Listener;
    }
  }
}

// @ts-ignore
declare module "solid-js/jsx-runtime" {
  namespace JSX {
    interface IntrinsicElements {
      // @ts-ignore
      "populer-list": HTMLAttributes<PopulerListElement> & PopulerListAttributes & { "on:populer"?: Listener["onpopuler"] };
    }
  }
}

// @ts-ignore
declare module "svelte/elements" {
  interface SvelteHTMLElements {
    // @ts-ignore
    "populer-list": HTMLAttributes<PopulerListElement> & PopulerListAttributes & Listener;
  }
}

// @ts-ignore
declare module "vue" {
  interface GlobalComponents {
    PopulerList: new () => { $props: PopulerListAttributes & { moreLabel?: string; onPopuler?: Listener["onpopuler"] } };
  }
}
