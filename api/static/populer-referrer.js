// Stands at the end of the tracker, in its scope, where a site asks for it (sites.referrers): where a visit begins is the
// host of the page before, and none for a tab that opens here.
let before = document.referrer.split("/")[2] || "";
const begun = (event) => {
  const ref = before || visitor() === own ? before : void 0;
  before = void 0;
  return { ...event, ref: ref === location.host ? void 0 : ref };
};
