// An app that has installed the package of examples/react; what it uses wrongly has to be an error.
import { PopulerList, PopulerScript } from "populer-react";
import { pageToken } from "populer-react/token";
import { renderToStaticMarkup } from "react-dom/server";

const service = "https://populer.example";
export const element = <populer-list list="trending" limit={5} onpopuler={(event) => event.detail.items.length} />;
export const token: string = pageToken("berita-1", "page-key-of-the-koran");

// @ts-expect-error: not a number
export const limit = <PopulerList service={service} limit={"x"} />;
// @ts-expect-error: no such theme
export const theme = <PopulerList service={service} theme="besar" />;
// @ts-expect-error: the service is needed
export const script = <PopulerScript item="berita-1" />;
// @ts-expect-error: not a number
export const attribute = <populer-list limit={"x"} />;

type Asked =
  | { what: "PopulerList"; props: Parameters<typeof PopulerList>[0] }
  | { what: "PopulerScript"; props: Parameters<typeof PopulerScript>[0] };

export const render = async (asked: Asked): Promise<string> =>
  renderToStaticMarkup(
    asked.what === "PopulerList" ? await PopulerList(asked.props) : <PopulerScript {...asked.props} />,
  );
