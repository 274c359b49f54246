// How concentrated the events of an item are: whether one network, or one user agent, sent too much of them.

import { percent } from "./format.js";
import { t } from "./language.js";

/** Whichever sent too much of an item: "one network 62 %". */
export function greatest({ network, agent }) {
  const over = ({ share, usual }) => share > 0.3 && usual !== null && share > 3 * usual;
  const [name, sent] = over(agent) && !over(network) ? ["agent", agent] : ["network", network];
  return t(`one.${name}`, { share: percent(sent.share) });
}

/** How concentrated an item's last hour was. */
export function concentration({ attempts, networks, network, agent }) {
  const usual = ({ usual }) => (usual === null ? "" : t("concentration.usual", { share: percent(usual) }));
  return t("concentration", {
    n: attempts,
    networks,
    network: percent(network.share) + usual(network),
    agent: percent(agent.share) + usual(agent),
  });
}
