import type { JSX } from "react";
import type { PopulerListAttributes } from "./populer-list.js";

export interface PopulerScriptProps {
  /** The service, such as https://populer.example */
  service: string;
  /** The open article's id; without one the page is no article. */
  item?: string;
  site?: string;
  /** What `pageToken` gave on the server. */
  token?: string;
}

/** The script that counts the open article. It follows a router by itself. */
export function PopulerScript(props: PopulerScriptProps): JSX.Element;

export interface PopulerListProps extends Pick<PopulerListAttributes, "list" | "section" | "site" | "theme" | "heading"> {
  service: string;
  limit?: number;
  live?: boolean;
  /** The open article, which is left out. */
  item?: string;
}

/** A server component. React leaves what is inside the element alone: from the first load on it is the script's. */
export function PopulerList(props: PopulerListProps): Promise<JSX.Element>;
