import type { GlobalComponents } from "vue";

type Props = InstanceType<GlobalComponents["PopulerList"]>["$props"];
export const right: Props[] = [{}, { list: "trending", limit: 5, theme: "thumbs", moreLabel: "Semua" }];
// @ts-expect-error: not a number
export const wrong: Props = { limit: "x" };
